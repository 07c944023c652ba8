// The control room: which screen is open, and what the key of the reader allows.

import { Problem, call, useKey } from "../api.js";
import { book, language, say, speak, translatePage, wordsFor } from "../words.js";
import { h } from "./nodes.js";
import { AGAIN_MS, panel } from "./panels.js";

const byId = (id) => document.getElementById(id);
const links = document.querySelectorAll("nav [data-screen]");
const names = Array.from(links, (link) => link.dataset.screen);

let me = null; // what the key allows; null: not known yet
let leave = new AbortController(); // of the screen that is open

const may = (scope) => me.scopes.includes(scope);

// ---------------------------------------------------------------- the open screen

function placeOf(address) {
  const name = address.pathname.split("/")[2];
  return { name: names.includes(name) ? name : names[0], params: address.searchParams };
}

async function draw() {
  leave.abort();
  const here = (leave = new AbortController());
  const { name, params } = placeOf(new URL(location));
  const place = byId("screen");
  place.setAttribute("aria-busy", "true");
  const [module, words] = await opened(name).catch(() => []);
  if (here.signal.aborted) return;
  if (!module) {
    door(say("unreachable"), false);
    setTimeout(() => here.signal.aborted || draw(), AGAIN_MS);
    return;
  }
  const room = roomOf(params, words, here.signal);
  for (const link of links) {
    if (link.dataset.screen === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  byId("heading").dataset.word = name;
  byId("heading").textContent = say(name);
  byId("purpose").textContent = room.say("purpose");
  byId("door").hidden = true;
  document.title = `${say(name)} · Serendip`;
  place.replaceChildren(...[module.screen(room)].flat().filter(Boolean));
  place.setAttribute("aria-busy", "false");
}

const books = new Map();

/** The module of a screen and its words. */
async function opened(name) {
  const [module, words] = await Promise.all([import(`./screens/${name}.js`), books.get(name) ?? book(name)]);
  books.set(name, words);
  return [module, words];
}

/** What a screen is given. */
function roomOf(params, words, signal) {
  const own = (key, values) => wordsFor(key, values, [words]) ?? say(key, values);
  return {
    params,
    may,
    go,
    me,
    language,
    say: own,
    again: draw,
    link: (screen, query, ...children) => h("a", { href: addressOf(screen, query), "data-screen": screen }, ...children),
    panel: (key, load, options) => panel(own(key), load, { ...options, left: signal }),
  };
}

const addressOf = (screen, query = {}) => {
  const text = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== null && value !== undefined)).toString();
  return `/room/${screen}${text && `?${text}`}`;
};

function go(screen, query) {
  history.pushState(null, "", addressOf(screen, query));
  return arrive();
}

async function arrive() {
  await draw();
  byId("heading").focus({ preventScroll: true });
  scrollTo(0, 0);
}

addEventListener("popstate", draw);
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-screen]");
  if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || !me) return;
  event.preventDefault();
  if (link.href !== location.href) history.pushState(null, "", link.href);
  arrive();
});

// ---------------------------------------------------------------- who is reading

/** Ask what the key allows, and open the door or say what is missing. */
async function enter(tried = false) {
  try {
    me = await call("/v1/me");
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (!problem.status) {
      door(say("unreachable"), false);
      setTimeout(enter, AGAIN_MS);
      return;
    }
    useKey(null);
    door(say(tried ? "key_refused" : "key_needed"));
    return;
  }
  if (!may("control:read")) return door(say("key_refused"));
  byId("door").hidden = true;
  showRole();
  await draw();
}

function door(text, form = true) {
  byId("door-text").textContent = text;
  byId("key-form").hidden = !form;
  byId("door").hidden = false;
  byId("screen").replaceChildren();
  byId("screen").setAttribute("aria-busy", "false");
}

function showRole() {
  const role = !me.key_id ? "role_open" : may("admin") ? "role_admin" : "role_read";
  const forget = () => {
    useKey(null);
    location.reload();
  };
  byId("role").replaceChildren(say(role, { name: me.name }), me.key_id ? h("button.quiet", { type: "button", onclick: forget }, say("leave")) : "");
}

byId("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  useKey(byId("key").value.trim());
  byId("key").value = "";
  enter(true);
});

for (const node of document.querySelectorAll("[data-language]")) {
  node.addEventListener("click", () => {
    speak(node.dataset.language);
    if (!me) return;
    showRole();
    draw();
  });
}

translatePage();
enter();
