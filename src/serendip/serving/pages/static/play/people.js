// Choosing who is looking: a text field with a list of people, worked by mouse or keyboard.

import { hueOf, initialsOf } from "../faces.js";
import { inWords, say } from "../words.js";

const MOST = 60; // options shown at once; typing narrows them
const input = document.getElementById("person");
const list = document.getElementById("people");
const avatar = document.getElementById("avatar");

let people = [];
let current = null;
let active = -1;
let choose = () => {};

export function nameOf(person) {
  if (person.newcomer) return say("newcomer");
  return inWords(person.attributes, "name") ?? person.user_id;
}

/** A few plain facts that tell people apart, as far as there are any; times are left out. */
function aboutOf(person) {
  if (person.newcomer) return person.user_id;
  const names = Object.keys(person.attributes ?? {}).filter((name) => !/^name|^language$|_(en|zh|ms)$/.test(name));
  const facts = names.map((name) => inWords(person.attributes, name)).filter((fact) => fact && fact.length <= 24);
  const id = inWords(person.attributes, "name") ? [person.user_id] : [];
  return [...id, ...facts.slice(0, 3)].join(" · ");
}

export function offer(everybody) {
  people = everybody;
}

export function onChoice(callback) {
  choose = callback;
}

export function showPerson(person) {
  current = person;
  input.value = nameOf(person);
  drawAvatar(avatar, person);
  close();
}

function drawAvatar(node, person) {
  node.style.setProperty("--hue", hueOf(person.user_id));
  node.textContent = initialsOf(nameOf(person));
}

function matching(typed) {
  const wanted = typed.trim().toLowerCase();
  const found = people.filter((person) => `${nameOf(person)} ${person.user_id} ${inWords(person.attributes, "name")}`.toLowerCase().includes(wanted));
  const known = !wanted || people.some((person) => person.user_id === typed.trim());
  return known ? found.slice(0, MOST) : [...found.slice(0, MOST), { user_id: typed.trim(), typed: true }];
}

function option(person) {
  const node = document.createElement("li");
  node.id = `person-${list.children.length}`;
  node.setAttribute("role", "option");
  node.setAttribute("aria-selected", String(person.user_id === current?.user_id));
  const face = node.appendChild(Object.assign(document.createElement("span"), { className: "avatar" }));
  face.setAttribute("aria-hidden", "true");
  drawAvatar(face, person);
  const text = node.appendChild(document.createElement("span"));
  text.append(line("option-name", person.typed ? say("use_id", { id: person.user_id }) : nameOf(person)), line("option-about", aboutOf(person)));
  node.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
  node.addEventListener("click", () => pick(person));
  node.person = person;
  list.append(node);
}

const line = (className, textContent) => Object.assign(document.createElement("span"), { className, textContent });

function open(typed) {
  list.replaceChildren();
  matching(typed).forEach(option);
  list.hidden = list.children.length === 0;
  input.setAttribute("aria-expanded", String(!list.hidden));
  activate(typed.trim() && list.children.length ? 0 : -1);
}

function close() {
  list.hidden = true;
  input.setAttribute("aria-expanded", "false");
  activate(-1);
}

function activate(index) {
  list.children[active]?.classList.remove("active");
  active = index;
  const node = list.children[index];
  node?.classList.add("active");
  node?.scrollIntoView({ block: "nearest" });
  if (node) input.setAttribute("aria-activedescendant", node.id);
  else input.removeAttribute("aria-activedescendant");
}

function pick(person) {
  const { typed, ...chosen } = person;
  showPerson(chosen);
  choose(chosen);
}

function leave() {
  if (current) input.value = nameOf(current);
  close();
}

function step(places) {
  if (list.hidden) open("");
  const count = list.children.length;
  activate((active + places + count) % count);
}

const KEYS = {
  ArrowDown: () => step(1),
  ArrowUp: () => step(active < 0 ? 0 : -1),
  Enter: () => list.children[active] && pick(list.children[active].person),
  Escape: leave,
};

input.addEventListener("focus", () => input.select());
input.addEventListener("click", () => open(""));
input.addEventListener("input", () => open(input.value));
input.addEventListener("blur", leave);
input.addEventListener("keydown", (event) => {
  if (!KEYS[event.key]) return;
  event.preventDefault();
  KEYS[event.key]();
});
