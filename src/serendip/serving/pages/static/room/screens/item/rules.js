// Rules: pin, boost or hide an item, and the rules of the shop that name it.

import { moment, number } from "../../format.js";
import { button, form } from "../../forms.js";
import { h } from "../../nodes.js";
import { table } from "../../tables.js";

const KINDS = new Map([["pin", "pinned"], ["boost", "boosted"], ["hide", "held_back"]]);

export async function steering(room, panel, id) {
  const { data } = await panel.get("/v1/rules");
  const mine = data.filter((rule) => rule.item_ids?.includes(id));
  const columns = [
    { head: room.say("rule"), cell: (rule) => rule.name },
    { head: room.say("does"), cell: (rule) => (KINDS.has(rule.kind) ? room.say(KINDS.get(rule.kind), { place: number(rule.position), factor: number(rule.factor) }) : rule.kind) },
    { head: room.say("surface"), cell: (rule) => rule.surface ?? room.say("everywhere") },
    { head: room.say("until"), cell: (rule) => (rule.until ? moment(rule.until) : room.say("for_ever")) },
    { head: "", cell: (rule) => button(room.say("end_rule"), () => end(panel, rule)) },
  ];
  return [
    h("p.muted", room.say("steer_how")),
    table({ caption: room.say("rules_of_item"), columns, rows: mine, empty: room.say("no_rules") }),
    h("div.steer", Array.from(KINDS.keys(), (kind) => maker(room, panel, id, kind))),
  ];
}

async function end(panel, rule) {
  await panel.send("DELETE", `/v1/rules/${encodeURIComponent(rule.id)}`);
  await panel.refresh();
}

const OWN = {
  pin: { name: "position", label: "position", kind: "number", value: 1, min: 1, step: 1, required: true },
  boost: { name: "factor", label: "factor", kind: "number", value: 2, min: 0, required: true },
};

function maker(room, panel, id, kind) {
  const fields = [
    OWN[kind] && { ...OWN[kind], label: room.say(OWN[kind].label) },
    { name: "surface", label: room.say("on_surface"), help: room.say("on_surface_help") },
    { name: "until", label: room.say("until"), kind: "datetime-local" },
  ];
  const act = async ({ until, ...rule }) => {
    const ends = until === null ? null : new Date(until).toISOString();
    await panel.send("POST", "/v1/rules", { name: room.say("rule_name", { kind, id }), kind, item_ids: [id], until: ends, ...rule });
    await panel.refresh();
  };
  return h("details", h("summary.plain", room.say(kind)), form({ fields: fields.filter(Boolean), submit: room.say("set_rule"), act }));
}
