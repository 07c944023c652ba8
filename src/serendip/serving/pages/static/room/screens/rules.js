// Rules: what the shop decides beside its models, and what that would change.

import { confirmed, form } from "../forms.js";
import { moment, number } from "../format.js";
import { h } from "../nodes.js";
import { table } from "../tables.js";
import { itemTile } from "../things.js";
import { finder } from "./rules/finder.js";
import { previewOf } from "./rules/preview.js";

const KINDS = ["pin", "boost", "hide", "cap", "filter"];
const WHOLE = { kind: "number", min: 1, max: 1000, step: 1, required: true };
const NAMED = 3; // items of a rule that are shown with their pictures

export function screen(room) {
  return [
    room.panel("all_rules", (panel) => everyRule(room, panel), { wide: true }),
    room.panel(room.params.get("edit") ? "change_rule" : "new_rule", (panel) => editor(room, panel), { wide: true }),
  ];
}

// ---------------------------------------------------------------- the rules there are

async function everyRule(room, panel) {
  const { data, attributes } = await panel.get("/v1/rules");
  const end = (rule) => confirmed(room.say("end"), room.say("end_sure"), async () => {
    await panel.send("DELETE", `/v1/rules/${encodeURIComponent(rule.id)}`);
    await panel.refresh();
  });
  return table({
    caption: room.say("oldest_first"),
    empty: room.say("no_rules"),
    rows: data,
    columns: [
      { head: room.say("name"), cell: (rule) => [h("strong", rule.name), h("div.muted", room.say(`kind_${kindOf(rule)}`))] },
      { head: room.say("does"), cell: (rule) => deed(room, rule, attributes) },
      { head: room.say("where"), cell: (rule) => rule.surface ?? room.say("everywhere") },
      { head: room.say("when"), cell: (rule) => calendar(room, rule) },
      { head: room.say("concerns"), number: true, cell: (rule) => number(rule.concerns) },
      ...(room.may("admin") ? [{ head: "", cell: (rule) => h("span.row", room.link("rules", { edit: rule.id }, room.say("edit")), end(rule)) }] : []),
    ],
  });
}

/** A boost that makes less of something goes by another name. */
const kindOf = (rule) => (rule.kind === "boost" && rule.factor < 1 ? "bury" : rule.kind);

function deed(room, rule, attributes) {
  const says = room.say(`does_${kindOf(rule)}`, { ...rule, factor: number(rule.factor) });
  const about = rule.filter ? h("code", conditionOf(rule.filter)) : null;
  const ids = rule.item_ids ?? [];
  const more = ids.length > NAMED && h("span.muted", room.say("and_more", { count: number(ids.length - NAMED) }));
  return [h("div", says, " ", about), h("div.row", ids.slice(0, NAMED).map((id) => itemTile(id, attributes[id])), more)];
}

function calendar(room, rule) {
  const state = rule.active ? "active" : Date.parse(rule.from) > Date.now() ? "later" : "over";
  const spans = [rule.from && room.say("from", { when: moment(rule.from) }), rule.until && room.say("until", { when: moment(rule.until) })];
  return [h("span.badge", { class: rule.active ? "good" : "warn" }, room.say(state)), spans.filter(Boolean).map((text) => h("div.muted", text))];
}

const conditionOf = (filter) => (typeof filter === "string" ? filter : JSON.stringify(filter));

// ---------------------------------------------------------------- one that is made or changed

async function editor(room, panel) {
  const edited = room.params.get("edit");
  const known = edited && (await panel.get("/v1/rules")).data.find((rule) => rule.id === edited);
  if (edited && !known) return h("p.muted", room.say("gone"));
  const item = room.params.get("item");
  const start = known || { kind: room.params.get("kind") ?? "pin", item_ids: item && [item] };
  const place = h("div");
  const draw = (kind) => place.replaceChildren(fields(room, panel, { ...start, kind }, known));
  const choice = h("div.row", { role: "group", "aria-label": room.say("kind") });
  const choose = (wanted) => {
    for (const [at, kind] of KINDS.entries()) choice.children[at].setAttribute("aria-pressed", String(kind === wanted));
    draw(wanted);
  };
  choice.append(...KINDS.map((kind) => h("button.quiet", { type: "button", onclick: () => choose(kind) }, room.say(`kind_${kind}`))));
  choose(KINDS.includes(start.kind) ? start.kind : "pin");
  return [choice, place];
}

function fields(room, panel, rule, known) {
  const field = (name, more) => ({ name, label: room.say(`field_${name}`), ...more });
  const about = [
    field("item_ids", { kind: "area", rows: 3, value: (rule.item_ids ?? []).join("\n"), help: room.say("help_item_ids") }),
    field("filter", { value: rule.filter ? conditionOf(rule.filter) : "", help: room.say("help_filter") }),
  ];
  const own = {
    pin: [{ ...about[0], required: true }, field("position", { ...WHOLE, value: rule.position ?? 1 })],
    boost: [...about, field("factor", { ...WHOLE, min: 0.01, max: 100, step: "any", value: rule.factor ?? 2, help: room.say("help_factor") })],
    hide: about,
    cap: [field("attribute", { value: rule.attribute ?? "category", required: true }), field("most", { ...WHOLE, value: rule.most ?? 2 })],
    filter: [{ ...about[1], required: true }],
  };
  const shared = [
    field("surface", { value: rule.surface, maxlength: 64, help: room.say("help_surface") }),
    field("from", { kind: "datetime-local", value: localTime(rule.from) }),
    field("until", { kind: "datetime-local", value: localTime(rule.until) }),
  ];
  const ask = async (values) => {
    const body = bodyOf(rule.kind, values);
    const query = known ? `?instead_of=${encodeURIComponent(known.id)}` : "";
    const found = await panel.send("POST", `/v1/rules:preview${query}`, body);
    return previewOf(room, found, () => keep(room, panel, body, known));
  };
  const name = field("name", { value: rule.name, required: true, maxlength: 100 });
  const filled = form({ fields: [name, ...own[rule.kind], ...shared], submit: room.say("preview"), act: ask });
  const ids = filled.querySelector("[name=item_ids]");
  const take = (id) => {
    const listed = ids.value.split("\n").filter(Boolean);
    if (!listed.includes(id)) ids.value = [...listed, id].join("\n");
  };
  return h("div.rule-editor", h("p.muted", room.say(`about_${rule.kind}`)), ids && finder(room, panel, take), filled);
}

async function keep(room, panel, body, known) {
  if (known) await panel.send("PUT", `/v1/rules/${encodeURIComponent(known.id)}`, body);
  else await panel.send("POST", "/v1/rules", body);
  return room.go("rules");
}

/** What was filled in, as the service reads it; empty fields are left out. */
function bodyOf(kind, { item_ids: ids, filter, from, until, ...others }) {
  const listed = (ids ?? "").split("\n").map((id) => id.trim()).filter(Boolean);
  const about = { item_ids: listed.length ? listed : null, filter: filter && readCondition(filter) };
  const body = { kind, ...others, ...about, from: utc(from), until: utc(until) };
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null && value !== undefined));
}

/** An object of rules where it is one; everything else is a condition, which the service reads. */
function readCondition(text) {
  try {
    const read = JSON.parse(text);
    return read?.constructor === Object ? read : text;
  } catch {
    return text;
  }
}

const utc = (local) => local && new Date(local).toISOString();

/** A moment as the field of a date and a time wants it, in the time of the reader. */
function localTime(moment) {
  if (!moment) return "";
  const date = new Date(moment);
  return new Date(date - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
