// Data: bring a file in, see what came of earlier ones, and what there is.

import { download } from "../../api.js";
import { bars } from "../charts.js";
import { button, confirmed, form } from "../forms.js";
import { ago, bytes, duration, moment, number, percent } from "../format.js";
import { h } from "../nodes.js";
import { pager, table } from "../tables.js";
import { examplesOf, importing } from "./data/importing.js";

const PAGE = 10;

export function screen(room) {
  const schema = (key, draw, wide) => room.panel(key, async (panel) => draw(room, await panel.get("/v1/schema")), { wide });
  return [
    room.panel("import", (panel) => bringIn(room, panel), { wide: true }),
    room.panel("history", (panel) => history(room, panel), { wide: true }),
    schema("types", types),
    schema("items", (_, { items }) => attributes(room, items, "no_items")),
    schema("people", (_, { users }) => attributes(room, users, "no_people"), true),
  ];
}

// ---------------------------------------------------------------- a new file

async function bringIn(room, panel) {
  const id = room.params.get("import");
  if (id) return importing(room, panel, id);
  const { drafts, bounds } = await panel.get("/v1/imports?limit=1");
  const told = {
    endings: bounds.endings.join(" "),
    bytes: bytes(bounds.bytes),
    rows: number(bounds.rows),
    hours: number(bounds.draft_hours),
    days: number(bounds.rejected_days),
  };
  return [
    h("p", room.say("lead", told)),
    room.may("admin") ? chooser(room, panel, bounds) : h("p.notice", room.say("only_admins")),
    drafts.length > 0 && waiting(room, panel, drafts),
    h("p.muted", room.say("retention", told)),
  ];
}

function chooser(room, panel, { endings }) {
  const file = { name: "file", kind: "file", label: room.say("file"), required: true, accept: endings.join(",") };
  const act = async ({ file: chosen }) => {
    const plain = new File([chosen], chosen.name, { type: "application/octet-stream" });
    const draft = await panel.send("POST", `/v1/imports?name=${encodeURIComponent(chosen.name)}`, plain);
    await room.go("data", { import: draft.id });
  };
  return form({ fields: [file], submit: room.say("send"), act });
}

function waiting(room, panel, drafts) {
  const discard = (draft) => () => panel.send("DELETE", `/v1/imports/${draft.id}`).then(() => panel.refresh());
  return table({
    caption: room.say("waiting"),
    rows: drafts,
    columns: [
      { head: room.say("waiting"), cell: (draft) => room.link("data", { import: draft.id }, draft.name) },
      { head: room.say("size"), number: true, cell: (draft) => bytes(draft.bytes) },
      { head: room.say("received"), cell: (draft) => ago(draft.received) },
      { head: room.say("stage"), cell: (draft) => h("span.badge", room.say(`stage_${draft.stage}`)) },
      { head: "", cell: (draft) => (room.may("admin") ? confirmed(room.say("discard"), room.say("discard_sure"), discard(draft)) : "") },
    ],
  });
}

// ---------------------------------------------------------------- what was imported before

async function history(room, panel) {
  const load = async (after) => {
    const cursor = after ? `&cursor=${encodeURIComponent(after)}` : "";
    const { data, next_cursor } = await panel.get(`/v1/imports?limit=${PAGE}${cursor}`);
    return { nodes: past(room, data), next: next_cursor };
  };
  return [await pager(load), h("p.muted", room.say("history_note"))];
}

const past = (room, data) =>
  table({
    caption: room.say("history"),
    empty: room.say("no_imports"),
    rows: data,
    columns: [
      { head: room.say("when"), cell: (one) => h("span.when", moment(one.time)) },
      { head: room.say("file"), cell: (one) => room.link("data", { import: one.id }, one.name) },
      { head: room.say("kind"), cell: (one) => room.say(`kind_${one.kind}`) },
      { head: room.say("rows"), number: true, cell: (one) => number(one.rows) },
      { head: room.say("new"), number: true, cell: (one) => number(one.kind === "events" ? one.accepted : one.items + one.users) },
      { head: room.say("known"), number: true, cell: (one) => number(one.duplicates) },
      { head: room.say("refused_rows"), number: true, cell: (one) => number(one.refused + one.conflicts) },
      { head: room.say("took"), number: true, cell: (one) => duration(one.seconds) },
      { head: "", cell: (one) => (one.rejected ? refusedOf(room, one.id) : "") },
    ],
  });

/** A button that fetches the rows that were refused. */
const refusedOf = (room, id) => button(room.say("fetch_refused"), () => download(`/v1/imports/${id}/rejected`, `rejected-${id}.csv`));

// ---------------------------------------------------------------- what there is

function types(room, { events }) {
  if (!events.counted) return h("p.muted", room.say("no_events"));
  const weight = (one) => (one.weight === null ? h("span.bad", room.say("no_weight")) : number(one.weight));
  return [
    bars({ rows: events.types.filter((one) => one.events).map((one) => ({ name: one.type, value: one.events })), label: room.say("types") }),
    table({
      caption: room.say("types"),
      rows: events.types,
      columns: [
        { head: room.say("type"), cell: (one) => one.type },
        { head: room.say("weight"), number: true, cell: weight },
        { head: room.say("count"), number: true, cell: (one) => number(one.events) },
        { head: room.say("with_value"), number: true, cell: (one) => number(one.with_value) },
        { head: room.say("latest"), cell: (one) => (one.latest ? ago(one.latest) : "–") },
      ],
    }),
    h("p.muted", room.say("types_note", { window: number(events.window), liked: number(events.liked_from) })),
  ];
}

function attributes(room, { total, sampled, attributes: all, more_names: more }, none) {
  if (!total) return h("p.muted", room.say(none));
  return [
    table({
      caption: room.say("attributes"),
      empty: room.say("no_attributes"),
      rows: all,
      columns: [
        { head: room.say("attribute"), cell: (one) => one.name },
        { head: room.say("value_type"), cell: (one) => one.types.map((type) => room.say(`type_${type.replaceAll(" ", "_")}`)).join(", ") },
        { head: room.say("filled"), number: true, cell: (one) => percent(one.filled / sampled) },
        { head: room.say("examples"), cell: (one) => examplesOf(one.examples.join(" · ")) },
      ],
    }),
    more > 0 && h("p.muted", room.say("more_names", { count: number(more) })),
    h("p.muted", room.say("sample_note", { sampled: number(sampled), total: number(total) })),
  ];
}
