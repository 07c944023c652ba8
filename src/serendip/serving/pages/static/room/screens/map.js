// Map: items in two dimensions, near each other where the model finds them alike, and a person's taste on it.

import { drawPicture } from "../../faces.js";
import { inWords, titleOf } from "../../words.js";
import { form } from "../forms.js";
import { number, percent } from "../format.js";
import { h } from "../nodes.js";
import { itemTile, personTile } from "../things.js";
import { coloursOf, draw, nearest, paletteOf, pointAt } from "./map/drawing.js";
import { View, handle } from "./map/view.js";

const AGAIN_MS = 1500; // a map that is being made is asked for again after so long
const SIZES = [500, 2000, 5000];
const NEAR = 12; // items in the list beside the map
const SUGGESTED = 6; // people
const FOUND = 200; // items that a search lights up
const MARKS = [["var(--accent)", "mark_history"], ["var(--soft)", "mark_vetoed"], ["var(--like)", "mark_listed"]];

export function screen(room) {
  return [room.panel("map", (panel) => wholeMap(room, panel), { wide: true }), room.panel("taste", (panel) => people(room, panel), { wide: true })];
}

async function wholeMap(room, panel) {
  const limit = Number(room.params.get("limit")) || SIZES[1];
  const user = room.params.get("id");
  const found = await panel.get(`/v1/map?limit=${limit}`);
  if (!found.ready) return waiting(room, panel, found);
  if (!found.items.length) return h("p.muted", room.say("nothing_to_map"));
  const taste = user && (await panel.get(`/v1/map/people/${encodeURIComponent(user)}`));
  return [...about(room, found, limit), taste && told(room, taste), chart(room, found, taste)];
}

function waiting(room, panel, { model_version: version, failed }) {
  if (!version) return h("p.muted", room.say("no_model"));
  setTimeout(() => panel.node.isConnected && panel.refresh(), AGAIN_MS);
  return h("p", { role: "status" }, room.say(failed ? "failed" : "being_made"));
}

function about(room, found, limit) {
  const { quality } = found;
  const source = found.source === null ? room.say("from_attributes") : room.say("from_source", { source: found.source });
  const judged = room.say("judged", { k: number(quality.neighbours), kept: percent(quality.kept), trust: number(quality.trustworthiness) });
  const sizes = SIZES.filter((size, place) => !place || SIZES[place - 1] < found.of).map((size) => {
    const text = h("span", { "aria-current": size === limit ? "true" : null }, number(Math.min(size, found.of)));
    return room.link("map", { limit: size, id: room.params.get("id") }, text);
  });
  return [
    h("p.muted", room.say("shown", { count: number(found.items.length) }), " ", source, " ", room.say("method", { method: found.method }), " ", judged),
    h("p.row.map-sizes", room.say("how_many"), sizes),
  ];
}

function told(room, taste) {
  const { history, history_elsewhere: elsewhere, items, items_elsewhere: beyond } = taste;
  const values = { history: number(history.length), elsewhere: number(elsewhere), listed: number(items.length), beyond: number(beyond) };
  return h("p.row", personTile(taste.user_id), h("span", room.say(history.length + items.length ? "taste_of" : "taste_unknown", values)));
}

// ---------------------------------------------------------------- the map itself

function chart(room, found, taste) {
  const kindOf = (item) => (found.coloured_by ? ([item.attributes[found.coloured_by]].flat()[0] ?? null) : null);
  const points = found.items.map((item) => ({ id: item.item_id, place: [item.x, item.y], kind: kindOf(item), attributes: item.attributes }));
  const byId = new Map(points.map((point) => [point.id, point]));
  const colours = coloursOf(points, (point) => point.kind);
  const marks = marksOf(taste, byId);
  const canvas = h("canvas.map", { tabindex: "0", role: "application", "aria-label": room.say("canvas"), "aria-describedby": "map-keys" });
  const tip = h("div.map-tip", { hidden: true });
  const list = h("ul.map-list", { "aria-live": "polite" });
  const heading = h("h3", room.say("nearest"));
  const view = new View();
  const lit = new Set();
  const context = canvas.getContext("2d");
  let palette;
  let asked = 0;

  const paint = () => {
    asked = 0;
    if (!canvas.isConnected) return;
    const scale = window.devicePixelRatio || 1;
    [view.width, view.height] = [canvas.clientWidth, canvas.clientHeight];
    if (canvas.width !== Math.round(view.width * scale)) canvas.width = Math.round(view.width * scale);
    if (canvas.height !== Math.round(view.height * scale)) canvas.height = Math.round(view.height * scale);
    context.setTransform(scale, 0, 0, scale, 0, 0);
    palette ??= paletteOf(canvas, colours);
    draw(context, view, palette, points, marks, lit);
  };
  const soon = () => (asked ||= requestAnimationFrame(paint));
  const beside = () => {
    const shown = lit.size ? [...lit].slice(0, NEAR) : nearest(points, view.middle, NEAR);
    heading.textContent = room.say(lit.size ? "matches" : "nearest");
    list.replaceChildren(...shown.map((point) => h("li", itemTile(point.id, point.attributes, noteOf(point, found.coloured_by)))));
  };
  const moved = () => {
    tip.hidden = true;
    soon();
    beside();
  };
  const over = (pixels) => {
    const point = pixels && pointAt(points, view, pixels);
    canvas.classList.toggle("pointing", Boolean(point));
    tip.hidden = !point;
    if (point) showTip(tip, point, view, found.coloured_by);
  };
  const picked = (pixels) => {
    const point = pointAt(points, view, pixels);
    if (point) room.go("item", { id: point.id });
  };
  const search = (text) => {
    const wanted = text.trim().toLowerCase();
    const hits = wanted ? points.filter((point) => titleOf(point.id, point.attributes).toLowerCase().includes(wanted)) : [];
    lit.clear();
    for (const point of hits.slice(0, FOUND)) lit.add(point);
    if (hits.length) view.moveTo(hits[0].place);
    moved();
  };

  handle(canvas, view, { moved, over, picked });
  new ResizeObserver(soon).observe(canvas);
  followScheme(canvas, () => {
    palette = null;
    soon();
  });
  const act = (change) => () => {
    change();
    moved();
  };
  beside();
  const drawing = h("div.map-frame", canvas, tip);
  const meaning = legend(room, found.coloured_by, colours, points, marks.length > 0);
  return h(
    "div.map-sides",
    h("div", controls(room, view, act, search), drawing, h("p.muted#map-keys", room.say("keys")), meaning),
    h("div", heading, list),
  );
}

function controls(room, view, act, search) {
  const named = (label) => ({ "aria-label": room.say(label), title: room.say(label) });
  const tool = (sign, label, change) => h("button.plain", { type: "button", ...named(label), onclick: act(change) }, sign);
  return h(
    "div.row.map-tools",
    tool("+", "closer", () => view.zoomBy(1.6)),
    tool("−", "farther", () => view.zoomBy(1 / 1.6)),
    tool("○", "whole", () => view.reset()),
    h("input.map-find", { type: "search", placeholder: room.say("find"), "aria-label": room.say("find"), oninput: (event) => search(event.target.value) }),
  );
}

/** What they met, then what they would be shown over it; of a thing that is both, the list is seen. */
function marksOf(taste, byId) {
  if (!taste) return [];
  const place = (id) => byId.get(id)?.place;
  const met = taste.history.map(({ item_id: id, signal }) => ({ place: place(id), mark: signal < 0 ? "vetoed" : "history" }));
  const listed = taste.items.map((id, at) => ({ place: place(id), mark: "listed", rank: at + 1 })).reverse();
  return [...met, ...listed].filter((mark) => mark.place);
}

const noteOf = (point, by) => (by && inWords(point.attributes, by)) ?? "";

function showTip(tip, point, view, by) {
  const frame = h("span.picture", h("span.initials", { "aria-hidden": "true" }));
  drawPicture(frame, point.id, point.attributes);
  tip.replaceChildren(frame, h("strong", titleOf(point.id, point.attributes)), h("span.muted", noteOf(point, by)));
  const [x, y] = view.toPixels(point.place);
  tip.style.setProperty("left", `${Math.min(Math.max(x, 76), view.width - 76)}px`);
  tip.style.setProperty("top", `${y}px`);
  tip.classList.toggle("below", y < view.height / 2);
}

function legend(room, by, colours, points, tasted) {
  const label = (kind) => {
    const { attributes } = points.find((point) => point.kind === kind);
    return Array.isArray(attributes[by]) ? kind : (inWords(attributes, by) ?? kind);
  };
  const entry = (colour, text, shape = "swatch") => h("li", h(`span.${shape}`, { style: { background: colour } }), text);
  const others = points.some((point) => !colours.has(point.kind));
  return [
    h("ul.legend", [...colours].map(([kind, colour]) => entry(colour, label(kind))), others && entry("var(--soft)", room.say("others"))),
    tasted && h("ul.legend", MARKS.map(([colour, word]) => entry(colour, room.say(word), "swatch.round"))),
  ];
}

/** Call `changed` when the page turns light or dark, while the node stands in it. */
function followScheme(node, changed) {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", function turned() {
    if (node.isConnected) changed();
    else dark.removeEventListener("change", turned);
  });
}

// ---------------------------------------------------------------- whose taste

async function people(room, panel) {
  const { data } = await panel.get(`/v1/users?limit=${SUGGESTED}`);
  const limit = room.params.get("limit");
  const links = data.map((one) => room.link("map", { id: one.user_id, limit }, one.attributes?.name ?? one.user_id));
  const fields = [{ name: "id", label: room.say("person_id"), value: room.params.get("id"), maxlength: 256 }];
  return [
    h("p.muted", room.say("taste_help")),
    form({ fields, submit: room.say("show_taste"), act: ({ id }) => room.go("map", { id, limit }) }),
    links.length > 0 && h("p.row", room.say("for_example"), links),
  ];
}
