// Changes: what is another in one recipe than in the other.

import { h } from "../../nodes.js";
import { table } from "../../tables.js";

/** A value of a recipe as it is written. */
export const written = (value) => (value === null || value === undefined ? "–" : typeof value === "string" ? value : JSON.stringify(value));

/** The word for why a change has to be learned. */
function reasonOf([part, name]) {
  if (part === "text" || part === "picture") return "why_encoder";
  if (part === "retrieval") return "why_index";
  return name === "popularity" ? "why_fame" : "why_model";
}

const placeOf = (change) => h("code", change.place.join("."));

/** Each change with what it needs. */
export function changesTable(room, changes) {
  return table({
    caption: room.say("difference"),
    empty: room.say("no_changes"),
    columns: [
      { head: room.say("place"), cell: placeOf },
      { head: room.say("live"), cell: (one) => written(one.before) },
      { head: room.say("new"), cell: (one) => h("ins", written(one.after)) },
      { head: room.say("needs"), cell: (one) => (one.fit ? h("span", { title: one.fit }, h("span.badge.warn", room.say("needs_fit")), " ", h("small.muted", room.say(reasonOf(one.place)))) : h("span.badge.good", room.say("needs_nothing"))) },
    ],
    rows: changes,
  });
}

const MOST = 6;

/** The same in a few words. */
export function changesList(room, changes) {
  if (!changes.length) return h("span.muted", "–");
  const more = changes.length - MOST;
  return h("ul.changes", changes.slice(0, MOST).map((one) => h("li", placeOf(one), ` ${written(one.before)} → ${written(one.after)}`)), more > 0 && h("li.muted", room.say("more_changes", { count: more })));
}
