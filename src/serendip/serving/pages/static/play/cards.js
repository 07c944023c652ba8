// Cards and tiles: what things look like. Words from the data are only ever set as text.

import { drawPicture } from "../faces.js";
import { deedOf, factsOf, say, titleOf } from "../words.js";

const VERBS = ["like", "purchase", "skip", "hide"];
const STILL = matchMedia("(prefers-reduced-motion: reduce)");
const copyOf = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);

export function tile(itemId, attributes, note) {
  const node = copyOf("tile-template");
  const title = titleOf(itemId, attributes);
  drawPicture(node.querySelector(".picture"), itemId, attributes);
  node.querySelector(".tile-title").textContent = title;
  node.querySelector(".tile-note").textContent = note;
  node.title = title;
  return node;
}

/** What somebody did with a thing, with a button that takes it back. */
export function historyTile(event, takeBack) {
  const node = tile(event.item_id, event.attributes, deedOf(event.type, event.value));
  const button = node.querySelector(".take-back");
  node.dataset.type = event.type;
  button.hidden = false;
  button.title = say("undo");
  button.setAttribute("aria-label", say("undo_it", { title: node.title }));
  button.addEventListener("click", () => takeBack(event));
  return node;
}

function draw(node, item) {
  const title = titleOf(item.item_id, item.attributes);
  drawPicture(node.querySelector(".picture"), item.item_id, item.attributes);
  node.querySelector(".picture").setAttribute("aria-label", say("details_of", { title }));
  node.querySelector(".title").textContent = title;
  node.querySelector(".title").title = title;
  node.querySelector(".facts").textContent = factsOf(item.attributes);
  node.querySelector(".reason").hidden = !item.reasons?.length;
  node.querySelector(".reason-text").textContent = item.reasons?.[0]?.text ?? "";
  for (const verb of VERBS) {
    const button = node.querySelector(`[data-do=${verb}]`);
    button.querySelector(".verb").textContent = say(verb);
    button.setAttribute("aria-label", say(`${verb}_it`, { title }));
    button.title = say(verb);
  }
}

/** A card of an item of a list. */
export function card(item) {
  const node = copyOf("card-template");
  node.dataset.item = item.item_id;
  draw(node, item);
  return node;
}

/** Show what was said of a card's item, if anything. */
export function press(node, verb) {
  for (const button of node.querySelectorAll(".actions button")) button.toggleAttribute("aria-pressed", false);
  if (verb) node.querySelector(`[data-do=${verb}]`)?.setAttribute("aria-pressed", "true");
}

function mark(card, places) {
  const badge = card.querySelector(".moved");
  const [kind, text, label] =
    places === null ? ["new", say("new"), say("moved_new")]
    : places > 0 ? ["up", `↑${places}`, say("moved_up", { places })]
    : ["down", `↓${-places}`, say("moved_down", { places: -places })];
  badge.hidden = places === 0;
  badge.dataset.kind = kind;
  badge.textContent = text;
  badge.setAttribute("role", "img");
  badge.setAttribute("aria-label", label);
}

/** How each item moved: places up (+) or down (-) since `before`, null if it is new; empty without a before. */
export function movements(before, items) {
  if (!before) return new Map();
  const places = new Map(before.map((item, place) => [item.item_id, place]));
  return new Map(items.map((item, place) => [item.item_id, places.has(item.item_id) ? places.get(item.item_id) - place : null]));
}

/** Show the items in order, keep the cards that stay (and the keyboard's place), slide what moved. */
export function show(list, items, moved, given) {
  const cards = new Map([...list.children].filter((card) => card.dataset.item).map((card) => [card.dataset.item, card]));
  const places = new Map([...cards.values()].map((card) => [card, card.getBoundingClientRect()]));
  const held = keyboardPlace(list);
  const shown = items.map((item) => {
    const node = cards.get(item.item_id) ?? card(item);
    draw(node, item);
    press(node, given.get(item.item_id));
    mark(node, moved.size ? moved.get(item.item_id) : 0);
    return node;
  });
  list.replaceChildren(...shown);
  if (held) restoreKeyboard(list, held);
  if (!STILL.matches) slide(shown, places);
}

function keyboardPlace(list) {
  const card = document.activeElement?.closest?.(".card");
  if (!card || card.parentElement !== list) return null;
  return { item: card.dataset.item, index: [...list.children].indexOf(card), does: document.activeElement.dataset.do };
}

/** Focus returns to the same card; where that has left, to the card that took its place. */
function restoreKeyboard(list, held) {
  const cards = [...list.children];
  const card = cards.find((each) => each.dataset.item === held.item) ?? cards[Math.min(held.index, cards.length - 1)];
  (card?.querySelector(`[data-do=${held.does}]`) ?? list).focus({ preventScroll: true });
}

function slide(cards, places) {
  for (const card of cards) {
    const before = places.get(card);
    const now = card.getBoundingClientRect();
    const from = before
      ? { transform: `translate(${before.left - now.left}px, ${before.top - now.top}px)` }
      : { opacity: 0, transform: "scale(0.94)" };
    if (before && before.left === now.left && before.top === now.top) continue;
    card.animate([from, { opacity: 1, transform: "none" }], { duration: 380, easing: "cubic-bezier(.2,.8,.2,1)" });
  }
}
