// The page: who is looking, the list they get, and what changes when they say something.

import * as api from "../api.js";
import { language, remember, remembered, say, speak, titleOf, translatePage } from "../words.js";
import { movements, press, show } from "./cards.js";
import { showCall } from "./commands.js";
import { dial } from "./dials.js";
import { nameOf, offer, onChoice, showPerson } from "./people.js";
import { onPicture, picture } from "./pictures.js";
import { openDetails } from "./reasons.js";
import { answerOf, renew, takeOff } from "./shelves.js";
import { endStart, offerStart, onStart, translateStart } from "./starter.js";
import { standing, tellDeparted, tellNothing, tellNotices, tellPast, tellStatus } from "./telling.js";
import { forgetUndo, offerUndo } from "./undo.js";
import { onVoice } from "./voice.js";

const LENGTH = 20; // cards in the list: whole rows of five, four or two
const FIRST_PEOPLE = 200;
const PAST = 24; // events in the strip
const TYPING_MS = 250; // quiet time before a search
const PERSON = "serendip.person";
const NEWCOMER = "serendip.newcomer";
const WANTED = ["like", "purchase"]; // what other shelves are about

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
let fresh = true; // whether the shelves are still those of somebody else

// ---------------------------------------------------------------- asking

const diversity = dial("diversity", () => ask({ compare: true }));
const novelty = dial("novelty", () => ask({ compare: true }));
const personal = () => byId("personal").checked;

function query() {
  const text = byId("text").value.trim();
  return {
    user_id: person.user_id,
    limit: LENGTH,
    ...(text && { text }),
    ...(picture() && { image: picture() }),
    ...(diversity() !== undefined && { diversity: diversity() }),
    ...(novelty() !== undefined && { popularity: 0 - novelty() }),
    ...(!personal() && { personalization: false }),
    context: { language },
    surface: "play",
    include: ["attributes", "reasons"],
  };
}

/** Ask for the list and show it; `compare` marks what changed since the last one, `first` runs before asking. */
async function ask({ compare = false, first = async () => {}, shelves = [] } = {}) {
  const number = ++asked;
  const started = performance.now();
  let step = first; // done once, also when the list has to be asked for again
  const attempt = async () => {
    await step();
    step = async () => {};
    const wanted = query();
    const past = pastOf(wanted.user_id);
    past.catch(() => {}); // a failure is met below, unless the list fails first
    const found = await api.recommendations(wanted);
    if (number !== asked) return;
    render(found, compare ? answer?.items : null, started);
    showCall(wanted);
    answer = { ...found, surface: wanted.surface };
    const events = await past;
    if (number === asked) settle(events, shelves);
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
const pastOf = async (userId) => standing((await api.historyOf(userId, PAST)).data);

function attributesFor(itemId) {
  if (!known.has(itemId)) {
    known.set(itemId, api.attributesOf(itemId).then((item) => item.attributes ?? item, () => null));
  }
  return known.get(itemId);
}

// ---------------------------------------------------------------- showing

function render(found, before, started) {
  for (const item of found.items) known.set(item.item_id, Promise.resolve(item.attributes));
  const moved = movements(before, found.items);
  show(list, found.items, moved, given);
  takeOff(new Set(found.items.map((item) => item.item_id)));
  const left = before?.filter((item) => !moved.has(item.item_id)) ?? [];
  tellDeparted(left, given);
  tellNotices(found, person);
  tellNothing(found.items, { text: byId("text").value.trim(), image: picture() });
  byId("list-heading").textContent = person.newcomer ? say("list_new") : say("list_for", { name: nameOf(person) });
  tellStatus(found, { moved, left, compared: Boolean(before), total: Math.max(1, Math.round(performance.now() - started)) });
}

/** What follows once a list is there: what the person did, a start for who did nothing, and the shelves. */
function settle(past, shelves) {
  for (const event of past) if (event.attributes) known.set(event.item_id, Promise.resolve(event.attributes));
  tellPast(past, (event) => takeBack({ ...event, title: titleOf(event.item_id, event.attributes) }));
  if (past.length) endStart();
  const listed = () => answer.items.map((item) => item.item_id);
  if (fresh || shelves.length) renew({ person, past, personal: personal(), listed }, fresh ? undefined : shelves);
  if (fresh && person.newcomer && !past.length) offerStart(person.user_id).catch(() => {}); // the list is a start too
  fresh = false;
}

// ---------------------------------------------------------------- saying something

/** The list that a card stands in, and its item. */
function onCard(card) {
  const from = card.parentElement === list ? answer : answerOf(card);
  return { from, item: from?.items.find((item) => item.item_id === card.dataset.item) };
}

const event = (type, itemId) => ({ type, user_id: person.user_id, item_id: itemId, event_id: api.randomId() });

/** An event that answers to a list. */
function answering(type, item, { request_id, surface }) {
  return { ...event(type, item.item_id), request_id, surface, position: item.rank };
}

function react(card, type) {
  const { from, item } = onCard(card);
  if (!item) return;
  const title = titleOf(item.item_id, item.attributes);
  given.set(item.item_id, type);
  press(card, type);
  const said = answering(type, item, from);
  if (card.parentElement !== list) takeOff(new Set([item.item_id]));
  offerUndo(say(`done_${type}`, { title }), () => takeBack({ item_id: item.item_id, type, title }));
  ask({ compare: true, first: () => api.send(said), shelves: WANTED.includes(type) ? ["because"] : [] });
}

/** As if the person had never met the thing. */
function takeBack({ item_id, type }) {
  given.delete(item_id);
  const said = event("undo", item_id);
  ask({ compare: true, first: () => api.send(said), shelves: WANTED.includes(type) ? ["because"] : [] });
}

document.querySelector("main").addEventListener("click", ({ target }) => {
  const button = target.closest(".card [data-do]");
  if (!button || !answer) return;
  const card = button.closest(".card");
  if (button.dataset.do !== "details") return react(card, button.dataset.do);
  const { item } = onCard(card);
  if (item) openDetails(item, attributesFor);
});

onStart((picked, from) => {
  if (!picked.length) return list.focus();
  const said = picked.map((item) => answering("like", item, from));
  for (const item of picked) given.set(item.item_id, "like");
  ask({ compare: true, first: () => api.send(said), shelves: ["because", "elsewhere"] });
  list.focus();
});

byId("details").addEventListener("click", ({ target }) => {
  if (target === byId("details")) byId("details").close(); // a click beside it
});
byId("retry").addEventListener("click", () => again());
byId("key-form").addEventListener("submit", (submitted) => {
  submitted.preventDefault();
  api.useKey(byId("key").value.trim());
  byId("key").value = "";
  again();
});

// ---------------------------------------------------------------- who, what and how varied

function become(someone) {
  person = someone;
  given = new Map();
  fresh = true;
  remember(PERSON, someone.user_id);
  showPerson(someone);
  forgetUndo();
  endStart();
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

byId("personal").addEventListener("change", () => {
  byId("personal-note").dataset.word = personal() ? "personal_on" : "personal_off";
  byId("personal-note").textContent = say(byId("personal-note").dataset.word);
  ask({ compare: true, shelves: ["because", "elsewhere"] });
});

// ---------------------------------------------------------------- language and start

for (const button of document.querySelectorAll("[data-language]")) {
  button.addEventListener("click", () => {
    speak(button.dataset.language);
    translateStart();
    if (!person) return;
    showPerson(person);
    ask({ shelves: ["because", "newest", "trending", "elsewhere"] });
  });
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
onVoice((words) => {
  byId("text").value = words;
  ask();
});
orSayWhy(start);
