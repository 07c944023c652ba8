// Shelves: rows of cards below the list, each filled when somebody comes near it.

import * as api from "../api.js";
import { language, translate } from "../words.js";
import { card } from "./cards.js";
import { hold, walkable } from "./rows.js";
import { SUBJECTS } from "./subjects.js";

const LENGTH = 12;
const NEAR = "240px"; // how far below the window a shelf begins to be filled

const byId = (id) => document.getElementById(id);
const place = byId("shelves");
const template = byId("shelf-template");

let known = null; // who looks and what they did; null: nobody yet
let queue = Promise.resolve(); // one after another, so that no two show the same thing
const shelves = new Map(); // by name: { section, row, answer, round }

// ---------------------------------------------------------------- filling

const watcher = new IntersectionObserver(
  (seen) => {
    for (const { isIntersecting, target } of seen) {
      if (!isIntersecting) continue;
      watcher.unobserve(target);
      const shelf = shelves.get(target.dataset.shelf);
      queue = queue.catch(() => {}).then(() => fill(shelf, shelf.round)); // whatever became of the one before
    }
  },
  { rootMargin: `${NEAR} 0px` },
);

/** Empty shelves for somebody, or those of them that are named; each is filled when it comes near. */
export function renew(somebody, names = Object.keys(SUBJECTS)) {
  known = somebody;
  for (const name of names) {
    const shelf = shelves.get(name) ?? build(name);
    const about = SUBJECTS[name](known);
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
  const beside = [...shelves.values()].filter((each) => each !== shelf).flatMap((each) => idsOf(each.row));
  const whole = {
    user_id: known.person.user_id,
    limit: LENGTH,
    ...query,
    exclude_item_ids: [...new Set([...without, ...known.listed(), ...beside])],
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
