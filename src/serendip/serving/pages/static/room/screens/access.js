// Access: who may do what, who did what, and what was erased.

import { useKey } from "../../api.js";
import { button, confirmed, form } from "../forms.js";
import { ago, moment, number } from "../format.js";
import { h } from "../nodes.js";
import { pager, table } from "../tables.js";

const PAGE = 20;
const SCOPES = ["recommend:read", "events:write", "data:read", "data:write", "control:read", "admin"];
const STATES = { valid: "good", expired: "warn", revoked: "bad" };

export function screen(room) {
  const keys = room.panel("keys", (panel) => listed(room, panel), { wide: true });
  const make = room.may("admin") && room.panel("make", (panel) => maker(room, panel));
  return [
    keys,
    make,
    room.panel("roles", (panel) => roles(room, panel)),
    room.panel("audit", (panel) => audit(room, panel), { wide: true }),
    room.panel("erasures", (panel) => erasures(room, panel), { wide: true }),
  ];
}

// ---------------------------------------------------------------- keys

async function listed(room, panel) {
  const { open, data } = await panel.get("/v1/keys");
  if (open) return h("p.notice.degraded", room.say("open"));
  const revoke = (key) => () => panel.send("DELETE", `/v1/keys/${encodeURIComponent(key.id)}`).then(() => panel.refresh());
  const ending = (key) => room.may("admin") && key.state === "valid" && confirmed(room.say("revoke"), room.say(key.yours ? "revoke_own" : "revoke_sure"), revoke(key));
  return [
    table({
      caption: room.say("keys"),
      rows: [...data].reverse(),
      columns: [
        { head: room.say("name"), cell: (key) => h("span", key.name, key.yours && [" ", h("span.badge.good", room.say("yours"))]) },
        { head: room.say("id"), cell: (key) => h("code", key.id) },
        { head: room.say("may"), cell: (key) => key.scopes.join(", ") },
        { head: room.say("state"), cell: (key) => h("span.badge", { class: STATES[key.state] }, room.say(`state_${key.state}`)) },
        { head: room.say("created"), cell: (key) => h("span.when", moment(key.created)) },
        { head: room.say("expires"), cell: (key) => h("span.when", key.expires ? moment(key.expires) : room.say("never")) },
        { head: room.say("last_used"), cell: (key) => (key.last_used ? h("span", { title: moment(key.last_used) }, ago(key.last_used)) : room.say("not_yet")) },
        { head: room.say("end"), cell: (key) => ending(key) || "" },
      ],
    }),
    h("p.muted", room.say("keys_note")),
  ];
}

// ---------------------------------------------------------------- a new key

async function maker(room, panel) {
  const { open } = await panel.get("/v1/keys");
  const name = { name: "name", label: room.say("name"), required: true, maxlength: 100, help: room.say("name_help") };
  const scopes = SCOPES.map((scope) => ({ name: scope, kind: "checkbox", label: scope }));
  const days = { name: "days", kind: "number", label: room.say("days"), min: 0, max: 36500, help: room.say("days_help") };
  const act = async (values) => {
    const chosen = open ? ["admin"] : SCOPES.filter((scope) => values[scope]);
    const made = await panel.send("POST", "/v1/keys", { name: values.name, scopes: chosen, days: open ? null : values.days });
    if (open) useKey(made.text);
    return shownOnce(room, made, open);
  };
  return [
    open && h("p.notice", room.say("first")),
    form({ fields: open ? [name] : [name, ...scopes, days], submit: room.say(open ? "make_first" : "make_key"), act }),
  ];
}

/** The key itself; it is nowhere else. */
function shownOnce(room, { key, text }, first) {
  const field = h("input.secret", { type: "text", readonly: true, value: text, "aria-label": room.say("key_itself") });
  const copy = async () => {
    field.select();
    await navigator.clipboard.writeText(text).catch(() => document.execCommand("copy"));
    return room.say("copied_key");
  };
  const done = h("button.plain", { type: "button", onclick: () => (first ? location.reload() : room.again()) }, room.say("kept"));
  return h("div.notice", h("p", room.say("once", { name: key.name })), first && h("p", room.say("first_used")), field, h("p.row", button(room.say("copy"), copy), done));
}

async function roles(room, panel) {
  const { scopes } = await panel.get("/v1/keys");
  return [
    h("p", room.say("roles_note")),
    table({
      caption: room.say("roles"),
      rows: Object.keys(scopes),
      columns: [
        { head: room.say("scope"), cell: (scope) => h("code", scope) },
        { head: room.say("opens"), cell: (scope) => room.say(scope) },
      ],
    }),
  ];
}

// ---------------------------------------------------------------- what was done

async function audit(room, panel) {
  const { data: keys } = await panel.get("/v1/keys");
  const names = new Map(keys.map((key) => [key.id, key.name]));
  const chosen = room.params.get("key");
  const choice = h(
    "select",
    { "aria-label": room.say("of_key"), onchange: (event) => room.go("access", { key: event.target.value || null }) },
    [["", room.say("all_keys")], ...names].map(([id, name]) => Object.assign(h("option", { value: id }, name), { selected: id === (chosen ?? "") })),
  );
  const load = async (after) => {
    const { data, next_cursor } = await panel.get(`/v1/audit?limit=${PAGE}${query("cursor", after)}${query("key_id", chosen)}`);
    return { nodes: acts(room, data, names), next: next_cursor };
  };
  return [h("p.muted", room.say("audit_note")), keys.length > 0 && h("p.picker", choice), await pager(load)];
}

const query = (name, value) => (value ? `&${name}=${encodeURIComponent(value)}` : "");

const acts = (room, data, names) =>
  table({
    caption: room.say("audit"),
    empty: room.say("no_acts"),
    rows: data,
    columns: [
      { head: room.say("when"), cell: (one) => h("span.when", moment(one.time)) },
      { head: room.say("who"), cell: (one) => names.get(one.key_id) ?? one.key_id ?? room.say("nobody") },
      { head: room.say("what"), cell: (one) => h("code", one.action) },
      { head: room.say("target"), cell: (one) => one.target ?? "" },
      { head: room.say("became"), cell: (one) => status(room, one.status) },
      { head: room.say("request"), cell: (one) => h("code", { title: one.request_id }, (one.request_id ?? "").slice(0, 8)) },
    ],
  });

function status(room, code) {
  const [word, kind] = outcomeOf(code);
  return h("span.badge", { class: kind }, `${room.say(word)} · ${code}`);
}

function outcomeOf(code) {
  if (!code) return ["unanswered", "warn"]; // whoever asked went away
  if (code < 300) return ["done", "good"];
  if (code === 401 || code === 403) return ["refused_act", "bad"];
  return code < 500 ? ["not_done", "warn"] : ["failed_act", "bad"];
}

async function erasures(room, panel) {
  const load = async (after) => {
    const { data, next_cursor } = await panel.get(`/v1/erasures?limit=${PAGE}${query("cursor", after)}`);
    return { nodes: receipts(room, data), next: next_cursor };
  };
  return [h("p.muted", room.say("erasures_note")), await pager(load)];
}

const receipts = (room, data) =>
  table({
    caption: room.say("erasures"),
    empty: room.say("no_erasures"),
    rows: data,
    columns: [
      { head: room.say("when"), cell: (one) => h("span.when", moment(one.time)) },
      { head: room.say("person"), cell: (one) => h("code", one.person ?? "") },
      { head: room.say("removed"), cell: (one) => removed(room, one.removed) },
      { head: room.say("models"), cell: (one) => forgotten(room, one.models) },
      { head: room.say("became"), cell: (one) => status(room, one.status) },
    ],
  });

const removed = (room, rows) =>
  rows ? Object.entries(rows).map(([of, count]) => `${room.say(`of_${of}`)} ${number(count)}`).join(", ") : "";

/** Models at the moment of the answer: which had forgotten already, which would later. */
function forgotten(room, models) {
  if (!models?.length) return room.say("no_models");
  const exact = models.filter((model) => model.how === "exact").length;
  return room.say("forgotten", { exact: number(exact), all: number(models.length) });
}
