// Lists: how a person's list comes about now, and how one that they were shown came about then.

import { milliseconds, moment, number } from "../../format.js";
import { form } from "../../forms.js";
import { h } from "../../nodes.js";
import { facts, table } from "../../tables.js";
import { itemTile, personTile } from "../../things.js";
import { stages } from "./stages.js";

const REMARKS = {
  "items were changed since": "items_changed",
  "rules were changed since": "rules_changed",
  "an item was tried in the place of another, by chance": "tried_by_chance",
  "places that are given by chance are not drawn": "not_drawn",
  "two lists are interleaved for this person; this is one of them": "interleaved",
  "two lists were interleaved, by coins that were not kept": "coins",
  "a ranking of given items proposes and leaves out nothing": "no_way",
  "the picture that was asked with was not kept": "picture_gone",
  "there is no model yet: lists are by popularity alone": "no_model",
};

/** The list as it would be now; it is tried, not shown, so nothing of it is logged. `other` is what is asked beside. */
export function live(room, id) {
  let other = {};
  const ask = (panel) => (values) => {
    other = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
    return panel.refresh();
  };
  return room.panel("live", async (panel) => {
    const asked = { user_id: id, limit: 10, include: ["attributes", "reasons"], context: { language: room.language }, ...other };
    const tried = await panel.send("POST", "/v1/recommendations:trace", asked);
    const made = tried.trace && room.say("live_how", { model: tried.model_version, recipe: tried.recipe, took: milliseconds(tried.took_ms) });
    return [
      h("p.muted", [made, tried.arm && room.say("arm", { arm: tried.arm })].filter(Boolean).join(" ")),
      remarks(room, [...tried.degraded, ...tried.notes, ...tried.warnings]),
      another(room, other, ask(panel)),
      ...(tried.trace ? stages(room, tried.trace, tried.attributes, tried.items) : []),
    ];
  }, { wide: true });
}

/** The same person asking otherwise. */
function another(room, other, act) {
  const fields = [
    { name: "text", label: room.say("words"), value: other.text, maxlength: 2000 },
    { name: "surface", label: room.say("surface"), value: other.surface, maxlength: 64 },
    { name: "diversity", label: room.say("diversity"), kind: "number", value: other.diversity, min: 0, max: 1, step: 0.05, help: room.say("diversity_help") },
    { name: "limit", label: room.say("length"), kind: "number", value: other.limit ?? 10, min: 1, max: 100, step: 1, required: true },
  ];
  return h("details.otherwise", { open: Object.keys(other).length > 0 }, h("summary", room.say("otherwise")), form({ fields, submit: room.say("try_again"), act }));
}

/** A list of the past, beside the same request answered by the same model from the history of then. */
export async function replay(room, panel, request) {
  const shown = await panel.get(`/v1/recommendations/${encodeURIComponent(request)}?include=attributes`);
  const { trace, same, notes } = shown.replay;
  const badge = !trace ? h("span.badge", room.say("not_replayed")) : same ? h("span.badge.good", room.say("same")) : h("span.badge.warn", room.say("not_same"));
  return [
    h("div.row", badge, shown.user_id !== null && personTile(shown.user_id, null)),
    facts([
      [room.say("request"), request],
      [room.say("when"), moment(shown.time)],
      [room.say("surface"), shown.surface],
      [room.say("made_by"), [shown.recipe, shown.model_version, shown.arm].filter(Boolean).join(" · ")],
    ]),
    remarks(room, notes),
    h("h3", room.say("then_and_now")),
    compared(room, shown, trace),
    ...(trace ? stages(room, trace, shown.attributes, []) : []),
  ];
}

const remarks = (room, said) => said.length > 0 && h("ul", said.map((one) => h("li.notice.degraded", REMARKS[one] ? room.say(REMARKS[one]) : one)));

function compared(room, shown, trace) {
  const then = shown.items.map((item) => item.item_id);
  const now = trace?.item_ids ?? [];
  const tile = (itemId) => itemId && itemTile(itemId, shown.attributes[itemId]);
  const rows = Array.from({ length: Math.max(then.length, now.length) }, (_, place) => ({ place, then: then[place], now: now[place] }));
  const columns = [
    { head: room.say("place"), number: true, cell: (row) => number(row.place + 1) },
    { head: room.say("shown_then"), cell: (row) => tile(row.then) },
    trace && { head: room.say("replayed_now"), cell: (row) => (row.now === row.then ? h("span.muted", room.say("the_same")) : tile(row.now)) },
    trace && { head: room.say("changed"), cell: (row) => change(room, row, then, now) },
  ];
  return table({ caption: room.say("then_and_now"), columns: columns.filter(Boolean), rows, empty: room.say("empty_list") });
}

/** What became of the item that stood there then. */
function change(room, row, then, now) {
  if (row.then === row.now) return "";
  if (row.then === undefined) return room.say("came_in");
  const place = now.indexOf(row.then);
  return place < 0 ? room.say("fell_out") : room.say("now_at", { place: number(place + 1) });
}
