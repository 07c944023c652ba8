// Shelves: rows of cards below the list, each filled when somebody comes near it.

import * as api from "../api.js";
import { language, say, titleOf, translate } from "../words.js";
import { card } from "./cards.js";
import { hold, walkable } from "./rows.js";

const LENGTH = 12;
const NEAR = "240px"; // how far below the window a shelf begins to be filled
const LIKED = ["like", "purchase", "bookmark"];
const MOST_KINDS = 4; // that the last shelf leaves out
const LONGEST_KIND = 80; // characters

const byId = (id) => document.getElementById(id);
const place = byId("shelves");
const template = byId("shelf-template");

let known = null; // who looks and what they did; null: nobody yet
let queue = Promise.resolve(); // one after another, so that no two show the same thing
const shelves = new Map(); // by name: { section, row, answer, round }

// ---------------------------------------------------------------- what each is about

/** What a shelf asks and how it is headed; null: there is nothing for it to be about. */
const ABOUT = {
  because({ past, personal }) {
    const liked = past.find((event) => LIKED.includes(event.type));
    if (!liked || !personal) return null;
    const title = titleOf(liked.item_id, liked.attributes);
    const heading = liked.type === "purchase" ? say("shelf_bought", { title }) : say("shelf_because", { title });
    const without = past.map((event) => event.item_id); // of which this list would know nothing
    return { heading, ask: api.similar, query: { item_id: liked.item_id }, without };
  },
  newest: () => ({ heading: say("shelf_newest"), query: { order: "newest" } }),
  trending: () => ({ heading: say("shelf_trending"), query: { personalization: false } }),
  elsewhere({ past, personal }) {
    const [name, kinds] = kindsOf(past);
    if (!kinds.length || !personal) return null;
    const among = kinds.map((kind) => quoted(kind.value)).join(", ");
    const words = kinds.map((kind) => kind.word).join(say("comma"));
    return { heading: say("shelf_elsewhere", { kinds: words }), query: { filter: `has ${name} and not ${name} in [${among}]` } };
  },
};

/** As a condition of a filter writes a text. */
const quoted = (text) => `"${text.replace(/["\\]/g, "\\$&")}"`;

/** The kinds of most of what somebody did, most frequent first: half of it at least, four kinds at most. */
function kindsOf(past) {
  const name = ["category", "genres"].find((each) => past.some((event) => event.attributes?.[each]));
  const counts = new Map();
  let events = 0;
  for (const { attributes } of past) {
    const values = [attributes?.[name] ?? []].flat();
    const words = [attributes?.[`${name}_${language}`] ?? values].flat();
    events += values.length;
    values.forEach((value, at) => {
      if (typeof value !== "string" || value.length > LONGEST_KIND) return;
      const count = (counts.get(value)?.count ?? 0) + 1;
      counts.set(value, { value, word: String(words[at] ?? value), count });
    });
  }
  const kinds = [...counts.values()].sort((one, other) => other.count - one.count);
  let covered = 0;
  const first = kinds.findIndex((kind) => (covered += kind.count) >= events / 2) + 1;
  return [name, kinds.slice(0, Math.min(first || MOST_KINDS, MOST_KINDS))];
}

// ---------------------------------------------------------------- filling

const watcher = new IntersectionObserver(
  (seen) => {
    for (const { isIntersecting, target } of seen) {
      if (!isIntersecting) continue;
      watcher.unobserve(target);
      const shelf = shelves.get(target.dataset.shelf);
      queue = queue.then(() => fill(shelf, shelf.round));
    }
  },
  { rootMargin: `${NEAR} 0px` },
);

/** Empty shelves for somebody, or those of them that are named; each is filled when it comes near. */
export function renew(somebody, names = Object.keys(ABOUT)) {
  known = somebody;
  for (const name of names) {
    const shelf = shelves.get(name) ?? build(name);
    const about = ABOUT[name](known);
    shelf.round += 1;
    shelf.about = about;
    shelf.section.hidden = !about;
    watcher.unobserve(shelf.section);
    if (!about) continue;
    shelf.section.querySelector("h2").textContent = about.heading;
    if (!shelf.row.querySelector(".card:not(.ghost)")) ghosts(shelf.row);
    watcher.observe(shelf.section);
  }
}

function build(name) {
  const section = template.content.firstElementChild.cloneNode(true);
  const row = section.querySelector(".row");
  translate(section);
  section.dataset.shelf = name;
  section.querySelector("h2").id = `shelf-${name}`;
  for (const node of [section, row]) node.setAttribute("aria-labelledby", `shelf-${name}`);
  for (const button of section.querySelectorAll("[data-turn]")) {
    button.addEventListener("click", () => row.scrollBy({ left: Number(button.dataset.turn) * row.clientWidth * 0.9 }));
  }
  row.addEventListener("scroll", () => showTurns(section, row), { passive: true });
  walkable(row);
  const shelf = { section, row, answer: null, about: null, round: 0 };
  shelves.set(name, shelf);
  place.append(section);
  return shelf;
}

function ghosts(row) {
  const ghost = () => Object.assign(document.createElement("li"), { className: "card ghost", ariaHidden: "true" });
  row.replaceChildren(...Array.from({ length: 6 }, ghost));
}

async function fill(shelf, round) {
  if (round !== shelf.round) return;
  const { ask = api.recommendations, query, without = [] } = shelf.about;
  const others = [...known.listed(), ...[...shelves.values()].filter((each) => each !== shelf).flatMap((each) => idsOf(each.row))];
  const whole = {
    user_id: known.person.user_id,
    limit: LENGTH,
    ...query,
    exclude_item_ids: [...new Set([...without, ...others])],
    context: { language },
    surface: `play-${shelf.section.dataset.shelf}`,
    include: ["attributes", "reasons"],
  };
  shelf.row.setAttribute("aria-busy", "true");
  let answer = null;
  try {
    answer = await ask(whole);
  } catch (problem) {
    if (!(problem instanceof api.Problem)) throw problem;
  }
  if (round !== shelf.round) return; // somebody else looks meanwhile
  shelf.row.setAttribute("aria-busy", "false");
  shelf.answer = answer && { ...answer, surface: whole.surface };
  const taken = new Set(known.listed());
  draw(shelf, answer && itemsOf(answer, query).filter((item) => !taken.has(item.item_id)));
}

/** Without a model nothing is known of what is new or alike: the service lists what is popular, which stands elsewhere. */
const itemsOf = (answer, query) => (answer.model_version === "none" && !("personalization" in query) ? [] : answer.items);

function draw(shelf, items) {
  const { section, row } = shelf;
  section.querySelector(".failed").hidden = items !== null;
  section.hidden = items?.length === 0;
  row.hidden = items === null;
  row.replaceChildren(...(items ?? []).map((item) => card(item)));
  row.scrollLeft = 0;
  hold(row);
  showTurns(section, row);
}

place.addEventListener("click", (event) => {
  const section = event.target.closest("[data-again]")?.closest("[data-shelf]");
  if (section) renew(known, [section.dataset.shelf]);
});

// ---------------------------------------------------------------- using them

const idsOf = (row) => [...row.children].map((each) => each.dataset.item).filter(Boolean);

/** The answer that a card on a shelf came with; null where it lies on none. */
export function answerOf(node) {
  return shelves.get(node.closest("[data-shelf]")?.dataset.shelf)?.answer ?? null;
}

/** Take what stands elsewhere now, or was dealt with, off the shelves; the keyboard goes to the next card. */
export function takeOff(itemIds) {
  for (const { section, row } of shelves.values()) {
    for (const node of [...row.children].filter((each) => itemIds.has(each.dataset.item))) {
      const does = node.contains(document.activeElement) ? document.activeElement.dataset.do : null;
      const next = node.nextElementSibling ?? node.previousElementSibling;
      node.remove();
      if (does) next?.querySelector(`[data-do=${does}]`).focus();
      if (!row.children.length) section.hidden = true;
    }
    hold(row);
    showTurns(section, row);
  }
}

function showTurns(section, row) {
  const room = row.scrollWidth - row.clientWidth;
  section.querySelector("[data-turn='-1']").disabled = row.scrollLeft <= 1;
  section.querySelector("[data-turn='1']").disabled = row.scrollLeft >= room - 1;
  section.querySelector(".turns").hidden = room <= 1;
}
