// Person: what one did, what they turn to, how their list comes about, what they were shown, and who is like them.

import { deedOf } from "../../words.js";
import { bars } from "../charts.js";
import { ago, moment, number } from "../format.js";
import { button, confirmed, form } from "../forms.js";
import { h } from "../nodes.js";
import { facts, pager, table, tally } from "../tables.js";
import { attributeFacts, itemTile, personTile, time } from "../things.js";
import { live, replay } from "./person/lists.js";
import { taste } from "./person/taste.js";

const PEOPLE = 24; // on one page of the finder
const LINES = 15; // of a timeline, and of past lists

export function screen(room) {
  const id = room.params.get("id");
  if (id === null) return [room.panel("find", () => finder(room)), room.panel("people", (panel) => people(room, panel), { wide: true })];
  const request = room.params.get("request");
  return [
    request !== null && room.panel("replay", (panel) => replay(room, panel, request), { wide: true }),
    room.panel("who", (panel) => who(room, panel, id)),
    room.panel("neighbours", (panel) => neighbours(room, panel, id)),
    room.panel("taste", (panel) => taste(room, panel, of(id)), { wide: true }),
    live(room, id),
    room.panel("timeline", (panel) => timeline(room, panel, id)),
    room.panel("requests", (panel) => requests(room, panel, id)),
    room.may("admin") && room.panel("rights", (panel) => rights(room, panel, id)),
  ];
}

const of = (id) => `/v1/users/${encodeURIComponent(id)}`;
const page = (path, limit, after) => `${path}${path.includes("?") ? "&" : "?"}limit=${limit}${after ? `&cursor=${after}` : ""}`;

/** A person by name, with the id beside it. */
const somebody = (id, attributes) => personTile(id, attributes, attributes?.name === undefined ? "" : id);

// ---------------------------------------------------------------- finding somebody

function finder(room) {
  const field = { name: "id", label: room.say("any_id"), help: room.say("any_id_help"), required: true };
  return form({ fields: [field], submit: room.say("open"), act: ({ id }) => room.go("person", { id }) });
}

function people(room, panel) {
  return pager(async (after) => {
    const { data, next_cursor: next } = await panel.get(page("/v1/users", PEOPLE, after));
    const tiles = data.map(({ user_id, attributes }) => somebody(user_id, attributes));
    return { nodes: data.length ? h("div.row", tiles) : h("p.muted", room.say("no_people")), next };
  });
}

// ---------------------------------------------------------------- who somebody is

async function who(room, panel, id) {
  const told = await panel.get(`${of(id)}/profile`);
  const said = attributeFacts(told.attributes).filter(([name]) => name !== "name");
  return [
    h("div.row", somebody(id, told.attributes), room.link("person", {}, room.say("somebody_else"))),
    told.events
      ? tally([
          [room.say("events"), number(told.events), room.say("latest_events")],
          [room.say("last"), ago(told.last), room.say("first", { when: moment(told.first) })],
        ])
      : h("p.muted", room.say("did_nothing")),
    told.types.length > 0 && h("p.row", told.types.map(({ type, events }) => h("span.badge", `${deedOf(type)} ${number(events)}`))),
    said.length ? facts(said) : h("p.muted", room.say("nothing_told")),
  ];
}

async function neighbours(room, panel, id) {
  const found = await panel.get(`${of(id)}/neighbours?limit=8&include=attributes`);
  const counted = { wanted: number(found.wanted), events: number(found.events), met: number(found.met) };
  const about = h("p.muted", room.say("neighbours_how", counted));
  if (!found.data.length) return [h("p", room.say("no_neighbours")), about];
  const rows = found.data.map((one) => ({
    name: somebody(one.user_id, found.people[one.user_id]),
    value: one.likeness,
    note: room.say("in_common", { shared: number(one.shared.length), wanted: number(one.wanted) }),
  }));
  const shared = found.data[0].shared.slice(0, 6);
  return [
    bars({ rows, label: room.say("neighbours"), format: (value) => value.toFixed(2) }),
    h("h3", room.say("shared_with", { who: found.people[found.data[0].user_id].name ?? found.data[0].user_id })),
    h("div.row", shared.map((itemId) => itemTile(itemId, found.attributes[itemId]))),
    about,
  ];
}

// ---------------------------------------------------------------- what they did and were shown

function timeline(room, panel, id) {
  const columns = (attributes) => [
    { head: room.say("item"), cell: (event) => event.item_id && itemTile(event.item_id, attributes[event.item_id]) },
    { head: room.say("what"), cell: (event) => [deedOf(event.type, event.value), event.text && `“${event.text}”`].filter(Boolean).join(" ") },
    { head: room.say("when"), cell: (event) => time(event.timestamp) },
    { head: room.say("surface"), cell: (event) => event.surface ?? "" },
    { head: room.say("list"), cell: (event) => event.request_id && room.link("person", { id, request: event.request_id }, room.say("replay_it")) },
  ];
  return pager(async (after) => {
    const { data, next_cursor: next, attributes } = await panel.get(page(`${of(id)}/events?include=attributes`, LINES, after));
    return { nodes: table({ caption: room.say("timeline_rows"), columns: columns(attributes), rows: data, empty: room.say("did_nothing") }), next };
  });
}

function requests(room, panel, id) {
  const asked = (one) => (one.text ? `“${one.text}”` : one.kind === "similar" ? room.say("similar_list") : one.kind === "rank" ? room.say("ranked_list") : room.say("plain_list"));
  const columns = [
    { head: room.say("when"), cell: (one) => time(one.time) },
    { head: room.say("asked"), cell: asked },
    { head: room.say("surface"), cell: (one) => one.surface },
    { head: room.say("made_by"), cell: (one) => [one.recipe, one.arm].filter(Boolean).join(" · ") },
    { head: room.say("shown"), number: true, cell: (one) => number(one.item_ids.length) },
    { head: room.say("list"), cell: (one) => room.link("person", { id, request: one.request_id }, room.say("replay_it")) },
  ];
  return pager(async (after) => {
    const { data, next_cursor: next } = await panel.get(page(`${of(id)}/requests`, LINES, after));
    return { nodes: table({ caption: room.say("requests_rows"), columns, rows: data, empty: room.say("no_requests") }), next };
  });
}

// ---------------------------------------------------------------- their rights

function rights(room, panel, id) {
  return [
    h("p.muted", room.say("rights_how")),
    h("p.row", button(room.say("export"), () => download(room, panel, id))),
    h("p.row", confirmed(room.say("erase"), room.say("erase_sure", { id }), () => erase(room, panel, id))),
  ];
}

async function download(room, panel, id) {
  const held = await panel.get(`${of(id)}/export`);
  const address = URL.createObjectURL(new Blob([JSON.stringify(held, null, 2)], { type: "application/json" }));
  const name = `person-${id.replace(/[^\w.-]+/g, "_")}.json`;
  Object.assign(document.createElement("a"), { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
  return room.say("exported", { name, events: number(held.events.length), lists: number(held.exposures.length) });
}

async function erase(room, panel, id) {
  const receipt = await panel.send("DELETE", of(id));
  const how = { exact: "forgot_exact", "under way": "forgot_under_way", "at the next build": "forgot_next" };
  const models = receipt.models.map((one) => [`${one.model} · ${one.version}`, room.say(how[one.how])]);
  return h(
    "div.receipt",
    h("h3", room.say("receipt")),
    facts([
      [room.say("when"), moment(receipt.time)],
      ...Object.entries(receipt.removed).map(([what, rows]) => [room.say("removed", { what }), number(rows)]),
      ...models,
      ...receipt.models_deleted.map((version) => [version, room.say("model_deleted")]),
    ]),
    h("p.muted", room.say("receipt_how")),
  );
}
