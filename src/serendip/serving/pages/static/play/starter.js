// The first screen of somebody new: a varied set of well-known things, of which three to five are picked.

import * as api from "../api.js";
import { language, say, titleOf } from "../words.js";
import { drawPicture } from "../faces.js";

const OFFERED = 12;
const FEWEST = 3;
const MOST = 5;
const ENOUGH = 8;
const CAPS = [{ category: 1, genres: 2 }, { category: 2, genres: 4 }, {}]; // as varied as still gives enough

const byId = (id) => document.getElementById(id);
const panel = byId("starter");
const choices = byId("starter-choices");
const template = byId("choice-template");

let answer = null;
let round = 0; // counts starts: one that somebody has left is not offered any more
let chosen = new Set();
let finished = () => {};

/** `done` is called with what was picked: items of a list, and the list. */
export function onStart(done) {
  finished = done;
}

/** Offer a start to `userId`; where there is too little to pick from, nothing is offered. */
export async function offerStart(userId) {
  const query = {
    user_id: userId,
    limit: OFFERED,
    personalization: false,
    context: { language },
    surface: "play-start",
    include: ["attributes"],
  };
  const mine = ++round;
  let found = { items: [] };
  for (const max_per of CAPS) {
    found = await api.recommendations({ ...query, max_per });
    if (mine !== round) return;
    if (found.items.length >= ENOUGH) break;
  }
  if (found.items.length < 2 * FEWEST) return;
  answer = { ...found, surface: query.surface };
  chosen = new Set();
  choices.replaceChildren(...found.items.map(choice));
  count();
  panel.hidden = false;
}

export function endStart() {
  round += 1;
  panel.hidden = true;
  answer = null;
}

/** Say everything in the language of the reader. */
export function translateStart() {
  if (!answer) return;
  for (const [at, item] of answer.items.entries()) label(choices.children[at], item);
  count();
}

function choice(item) {
  const node = template.content.firstElementChild.cloneNode(true);
  label(node, item);
  node.querySelector("button").addEventListener("click", () => {
    if (!chosen.delete(item) && chosen.size < MOST) chosen.add(item);
    count();
  });
  return node;
}

function label(node, item) {
  drawPicture(node.querySelector(".picture"), item.item_id, item.attributes);
  node.querySelector(".choice-title").textContent = titleOf(item.item_id, item.attributes);
}

/** How many are picked, and what may be pressed then. */
function count() {
  for (const [at, item] of answer.items.entries()) {
    const button = choices.children[at].querySelector("button");
    button.setAttribute("aria-pressed", String(chosen.has(item)));
    button.setAttribute("aria-disabled", String(!chosen.has(item) && chosen.size >= MOST));
  }
  byId("starter-done").disabled = chosen.size < FEWEST;
  const missing = FEWEST - chosen.size;
  const enough = say("start_enough", { chosen: chosen.size, most: MOST });
  byId("starter-count").textContent = missing > 0 ? say("start_missing", { missing }) : enough;
}

byId("starter-done").addEventListener("click", () => {
  const picked = answer.items.filter((item) => chosen.has(item));
  const from = answer;
  endStart();
  finished(picked, from);
});
byId("starter-skip").addEventListener("click", () => {
  endStart();
  finished([], null);
});
