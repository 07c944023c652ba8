// Item: what a thing is, whether it is on offer, who met it and what came of that, and what is like it.

import { drawPicture } from "../../faces.js";
import { deedOf, titleOf } from "../../words.js";
import { number } from "../format.js";
import { form } from "../forms.js";
import { h } from "../nodes.js";
import { facts, pager, table } from "../tables.js";
import { attributeFacts, itemTile, personTile, time } from "../things.js";
import { events, places, seen } from "./item/audience.js";
import { steering } from "./item/rules.js";

const ITEMS = 24; // on one page of the finder
const ALIKE = ["behaviour", "content", "both"];
const WHY = {
  hidden: "why_hidden",
  "not available": "why_not_available",
  "out of stock": "why_out_of_stock",
  "not in the catalogue": "why_not_in_catalogue",
  "rule of the recipe": "why_rule",
  "rule of the shop": "why_shop",
  "not read yet": "why_not_read",
};

export function screen(room) {
  const id = room.params.get("id");
  if (id === null) {
    const words = room.params.get("words");
    return [
      room.panel("search", () => finder(room, words)),
      room.panel("open_id", () => byId(room)),
      words ? room.panel("found", (panel) => found(room, panel, words), { wide: true }) : null,
      room.panel("catalogue", (panel) => catalogue(room, panel), { wide: true }),
    ];
  }
  return [
    room.panel("about", (panel) => about(room, panel, id)),
    room.panel("places", (panel) => places(room, panel, of(id))),
    room.may("admin") && room.panel("steer", (panel) => steering(room, panel, id), { wide: true }),
    room.panel("similar", (panel) => similar(room, panel, id), { wide: true }),
    room.panel("seen_by", (panel) => seen(room, panel, of(id)), { wide: true }),
    room.panel("over_time", (panel) => events(room, panel, of(id))),
    room.panel("log", (panel) => log(room, panel, id)),
  ];
}

const of = (id) => `/v1/items/${encodeURIComponent(id)}`;
const tiles = (data) => h("div.row", data.map(({ item_id, attributes, note }) => itemTile(item_id, attributes, note ?? item_id)));

// ---------------------------------------------------------------- finding something

function finder(room, words) {
  const field = { name: "words", label: room.say("words"), help: room.say("words_help"), value: words, required: true };
  return form({ fields: [field], submit: room.say("search"), act: (asked) => room.go("item", asked) });
}

function byId(room) {
  const field = { name: "id", label: room.say("any_id"), help: room.say("any_id_help"), required: true };
  return form({ fields: [field], submit: room.say("open"), act: ({ id }) => room.go("item", { id }) });
}

/** Tried and not asked: whoever looks after a service is no stranger who was shown a list. */
async function found(room, panel, words) {
  const tried = await panel.send("POST", "/v1/recommendations:trace", { text: words, limit: 48, personalization: false, include: ["attributes"] });
  if (!tried.items.length) return h("p.muted", tried.model_version === null ? room.say("search_needs_model") : room.say("found_nothing"));
  return tiles(tried.items.map(({ item_id }) => ({ item_id, attributes: tried.attributes[item_id] })));
}

function catalogue(room, panel) {
  return pager(async (after) => {
    const { data, next_cursor: next } = await panel.get(`/v1/items?limit=${ITEMS}${after ? `&cursor=${after}` : ""}`);
    return { nodes: data.length ? tiles(data) : h("p.muted", room.say("no_items")), next };
  });
}

// ---------------------------------------------------------------- what it is

async function about(room, panel, id) {
  const told = await panel.get(`${of(id)}/standing`);
  const frame = h("span.picture.large", h("span.initials", { "aria-hidden": "true" }));
  drawPicture(frame, id, told.attributes);
  const offer = told.on_offer ? h("span.badge.good", room.say("on_offer")) : h("span.badge.bad", room.say("not_on_offer"));
  const learned = told.model_version !== null && h("p.muted", room.say(told.learned ? "learned" : "not_learned", { model: told.model_version }));
  return [
    h(
      "div.about",
      frame,
      h("div", h("h3", titleOf(id, told.attributes)), h("p.muted", id), h("p.row", offer, told.why.map((why) => h("span", room.say(WHY[why])))), learned, room.link("item", {}, room.say("another"))),
    ),
    told.attributes ? facts(attributeFacts(told.attributes)) : h("p", room.say("no_attributes")),
  ];
}

// ---------------------------------------------------------------- what is like it

async function similar(room, panel, id) {
  const ask = (alike) => panel.send("POST", "/v1/recommendations:trace", { item_id: id, alike, limit: 8, include: ["attributes", "reasons"], context: { language: room.language } });
  const found = await Promise.all(ALIKE.map(ask));
  return h("div.sources", found.map((tried, place) => likes(room, ALIKE[place], tried)));
}

function likes(room, alike, tried) {
  const columns = [
    { head: room.say("item"), cell: (one) => itemTile(one.item_id, tried.attributes[one.item_id], one.reasons[0]?.text ?? "") },
    { head: room.say("score"), number: true, cell: (one) => number(one.score) },
  ];
  const head = room.say({ behaviour: "by_behaviour", content: "by_content", both: "by_both" }[alike]);
  const said = [...tried.degraded, ...tried.warnings];
  return h(
    "section.source",
    h("h4", head),
    table({ caption: head, columns, rows: tried.items, empty: room.say("nothing_similar") }),
    said.length > 0 && h("p.muted", said.join("; ")),
  );
}

// ---------------------------------------------------------------- what was done with it, one by one

function log(room, panel, id) {
  const columns = [
    { head: room.say("person"), cell: (event) => personTile(event.user_id, null) },
    { head: room.say("what"), cell: (event) => deedOf(event.type, event.value) },
    { head: room.say("when"), cell: (event) => time(event.timestamp) },
    { head: room.say("surface"), cell: (event) => event.surface ?? "" },
    { head: room.say("list"), cell: (event) => event.request_id && room.link("person", { id: event.user_id, request: event.request_id }, room.say("replay_it")) },
  ];
  return pager(async (after) => {
    const { data, next_cursor: next } = await panel.get(`${of(id)}/events?limit=12${after ? `&cursor=${after}` : ""}`);
    return { nodes: table({ caption: room.say("log_rows"), columns, rows: data, empty: room.say("nobody_did") }), next };
  });
}
