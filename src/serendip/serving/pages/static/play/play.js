// The page: who is looking, the list they get, and what changes when they say something.

import * as api from "../api.js";
import { historyTile, movements, show, tile } from "./cards.js";
import { nameOf, offer, onChoice, showPerson } from "./people.js";
import { onPicture, picture } from "./pictures.js";
import { openDetails } from "./reasons.js";
import { deedOf, language, remember, remembered, say, speak, translatePage } from "../words.js";

const LENGTH = 20; // cards in the list: whole rows of five, four or two
const FIRST_PEOPLE = 200;
const PAST = 24; // events in the strip
const TYPING_MS = 250; // quiet time before a search
const PERSON = "serendip.person";
const NEWCOMER = "serendip.newcomer";

const byId = (id) => document.getElementById(id);
const list = byId("list");
const known = new Map(); // item id -> promise of its attributes

let people = [];
let person = null;
let answer = null; // what is on show
let given = new Map(); // item id -> what this person said of it on this page
let asked = 0; // the number of the latest request; older answers are dropped
let running = 0; // attempts that have not ended
let again = () => {}; // what "try again" does

// ---------------------------------------------------------------- asking

function query() {
  const text = byId("text").value.trim();
  const slider = byId("diversity");
  return {
    user_id: person.user_id,
    limit: LENGTH,
    ...(text && { text }),
    ...(picture() && { image: picture() }),
    ...(!slider.classList.contains("untouched") && { diversity: Number(slider.value) / 100 }),
    context: { language },
    surface: "play",
    include: ["attributes", "reasons"],
  };
}

/** Ask for the list and show it; `compare` marks what changed since the last one, `first` runs before asking. */
async function ask({ compare = false, first = async () => {} } = {}) {
  const number = ++asked;
  const started = performance.now();
  let step = first; // done once, also when the list has to be asked for again
  const attempt = async () => {
    await step();
    step = async () => {};
    const wanted = query();
    const past = pastOf(wanted.user_id);
    past.catch(() => {}); // a failure is met below, unless the list fails first
    const fresh = await api.recommendations(wanted);
    if (number !== asked) return;
    render(fresh, compare ? answer?.items : null, started);
    byId("curl").textContent = api.curl("/v1/recommendations", wanted);
    byId("copied").textContent = ""; // it was another command
    answer = fresh;
    const events = await past;
    if (number === asked) renderPast(events);
  };
  await orSayWhy(attempt);
}

async function orSayWhy(attempt) {
  list.setAttribute("aria-busy", String(++running > 0));
  try {
    await attempt();
    byId("problem").hidden = true;
  } catch (problem) {
    if (!(problem instanceof api.Problem)) throw problem;
    again = () => orSayWhy(attempt);
    byId("problem-text").textContent = problem.status ? say("refused", { detail: problem.message }) : say("unreachable");
    byId("key-form").hidden = ![401, 403].includes(problem.status);
    byId("retry").hidden = !byId("key-form").hidden;
    byId("problem").hidden = false;
    byId("status").textContent = "";
  } finally {
    list.setAttribute("aria-busy", String(--running > 0));
  }
}

/** What somebody did, latest first; a person whom nobody knows yet did nothing. */
const pastOf = async (userId) => (await api.historyOf(userId, PAST)).data;

function attributesFor(itemId) {
  if (!known.has(itemId)) {
    known.set(itemId, api.attributesOf(itemId).then((item) => item.attributes ?? item, () => null));
  }
  return known.get(itemId);
}

// ---------------------------------------------------------------- showing

function render(fresh, before, started) {
  for (const item of fresh.items) known.set(item.item_id, Promise.resolve(item.attributes));
  const moved = movements(before, fresh.items);
  show(list, fresh.items, moved, given);
  const left = before?.filter((item) => !moved.has(item.item_id)) ?? [];
  left.sort((one, other) => given.has(other.item_id) - given.has(one.item_id)); // what was acted on comes first
  renderDeparted(left);
  renderNotices(fresh);
  renderNothing(fresh);
  byId("list-heading").textContent = person.newcomer ? say("list_new") : say("list_for", { name: nameOf(person) });
  byId("model").textContent = fresh.model_version ? say("model", { version: fresh.model_version }) : "";
  renderStatus(before && changesIn(moved, left), Math.max(1, Math.round(performance.now() - started)), fresh.took_ms);
}

function changesIn(moved, left) {
  const places = [...moved.values()];
  const counts = { entered: places.filter((place) => place === null).length, moved: places.filter(Boolean).length, left: left.length };
  return Object.values(counts).some(Boolean) ? say("changes", counts) : say("no_changes");
}

function renderStatus(changes, total, tookMs) {
  const choice = tookMs < 10 ? Number(tookMs.toFixed(1)) : Math.round(tookMs);
  const updated = say("updated", { total, choice });
  byId("status").textContent = changes ? `${updated} · ${changes}` : updated;
}

function renderDeparted(left) {
  byId("departed-none").hidden = left.length > 0;
  byId("departed").hidden = left.length === 0;
  byId("departed").replaceChildren(
    ...left.map((item) => tile(item.item_id, item.attributes, deedOf(given.get(item.item_id) ?? "move"))),
  );
}

function renderNotices({ warnings = [], degraded = [] }) {
  const notice = (className, textContent) => Object.assign(document.createElement("li"), { className, textContent });
  const stranger = (warning) => person.newcomer && warning.includes(person.user_id); // said in the reader's language
  byId("notices").replaceChildren(
    ...(degraded.length ? [notice("notice degraded", say("degraded", { what: degraded.join("; ") }))] : []),
    ...warnings.map((warning) => notice("notice", stranger(warning) ? say("stranger") : warning)),
  );
}

function renderNothing({ items }) {
  const text = byId("text").value.trim();
  byId("nothing").hidden = items.length > 0;
  byId("nothing").textContent = text ? say("nothing_found", { text }) : picture() ? say("nothing_alike") : say("nothing");
}

/** One tile per thing, with the latest that was done to it. */
function renderPast(events) {
  const latest = new Map();
  for (const event of events) if (!latest.has(event.item_id)) latest.set(event.item_id, event);
  for (const event of events) if (event.attributes) known.set(event.item_id, Promise.resolve(event.attributes));
  byId("past-empty").hidden = latest.size > 0;
  byId("past").hidden = latest.size === 0;
  byId("past").replaceChildren(...Array.from(latest.values(), historyTile));
}

// ---------------------------------------------------------------- saying something

function react(card, type) {
  const place = answer.items.findIndex((item) => item.item_id === card.dataset.item);
  if (place < 0) return;
  const item = answer.items[place];
  given.set(item.item_id, type);
  card.querySelector(`[data-do=${type}]`).setAttribute("aria-pressed", "true");
  const event = { type, user_id: person.user_id, item_id: item.item_id, request_id: answer.request_id };
  const whole = { ...event, position: item.rank ?? place + 1, surface: "play", event_id: api.randomId() };
  ask({ compare: true, first: () => api.send(whole) });
}

list.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (!button || !answer) return;
  const card = button.closest(".card");
  if (button.dataset.do !== "details") return react(card, button.dataset.do);
  const item = answer.items.find((each) => each.item_id === card.dataset.item);
  if (item) openDetails(item, attributesFor);
});

byId("details").addEventListener("click", (event) => {
  if (event.target === byId("details")) byId("details").close(); // a click beside it
});
byId("retry").addEventListener("click", () => again());
byId("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  api.useKey(byId("key").value.trim());
  byId("key").value = "";
  again();
});

// ---------------------------------------------------------------- who, what and how varied

function become(someone) {
  person = someone;
  given = new Map();
  remember(PERSON, someone.user_id);
  showPerson(someone);
  return ask();
}

function newcomer(userId) {
  remember(NEWCOMER, userId);
  return { user_id: userId, newcomer: true };
}

const nobodyYet = () => newcomer(`guest-${api.randomId().slice(0, 12)}`);

function everybody() {
  const kept = remembered(NEWCOMER);
  const others = people.filter((someone) => someone.user_id !== kept);
  offer(kept ? [newcomer(kept), ...others] : others);
}

byId("newcomer").addEventListener("click", () => {
  become(nobodyYet());
  everybody();
});

let typing = 0;
byId("text").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => ask(), TYPING_MS);
});

function setDiversity(untouched) {
  byId("diversity").classList.toggle("untouched", untouched);
  byId("automatic").setAttribute("aria-pressed", String(untouched));
}

byId("diversity").addEventListener("input", () => setDiversity(false));
byId("diversity").addEventListener("change", () => ask({ compare: true }));
byId("automatic").addEventListener("click", () => {
  setDiversity(true);
  ask({ compare: true });
});

// ---------------------------------------------------------------- language, command, start

for (const button of document.querySelectorAll("[data-language]")) {
  button.addEventListener("click", () => {
    speak(button.dataset.language);
    if (person) showPerson(person);
    if (person) ask();
  });
}

byId("command").addEventListener("toggle", async () => {
  if (!byId("command").open) return;
  const copied = await copy(byId("curl").textContent);
  byId("copied").textContent = say(copied ? "copied" : "not_copied");
});

/** Browsers lend the clipboard only to pages from this machine or over https; elsewhere the text is selected. */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection().selectAllChildren(byId("curl"));
    return false;
  }
}

async function start() {
  const page = await api.people(FIRST_PEOPLE);
  people = page.data;
  everybody();
  const alike = people.find((someone) => someone.attributes.language === language); // names that the reader can read
  await become((await lastPerson()) ?? alike ?? people[0] ?? nobodyYet());
}

/** Who was looking at the last visit, unless this service has never heard of them. */
async function lastPerson() {
  const last = remembered(PERSON);
  if (!last) return null;
  if (last === remembered(NEWCOMER)) return newcomer(last);
  const listed = people.find((someone) => someone.user_id === last);
  return listed ?? ((await pastOf(last)).length ? { user_id: last } : null);
}

translatePage();
onChoice(become);
onPicture(() => ask());
orSayWhy(start);
