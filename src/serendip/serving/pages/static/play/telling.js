// What is said around the list: how it changed and how long it took, what left it, notices, and what somebody did.

import { historyTile, tile } from "./cards.js";
import { hold, walkable } from "./rows.js";
import { deedOf, say } from "../words.js";

walkable(document.getElementById("past"));

const byId = (id) => document.getElementById(id);

/** Say what an answer took and changed: `moved` as `movements` tells it, `left` what is not listed any more. */
export function tellStatus(answer, { moved, left, compared, total }) {
  const choice = answer.took_ms < 10 ? Number(answer.took_ms.toFixed(1)) : Math.round(answer.took_ms);
  const updated = say("updated", { total, choice });
  byId("status").textContent = compared ? `${updated} · ${changesIn(moved, left)}` : updated;
  byId("model").textContent = answer.model_version ? say("model", { version: answer.model_version }) : "";
}

function changesIn(moved, left) {
  const places = [...moved.values()];
  const entered = places.filter((place) => place === null).length;
  const counts = { entered, moved: places.filter(Boolean).length, left: left.length };
  return Object.values(counts).some(Boolean) ? say("changes", counts) : say("no_changes");
}

/** Show what left the list; `given` is what was said of things: what was acted on comes first. */
export function tellDeparted(left, given) {
  const ordered = [...left].sort((one, other) => given.has(other.item_id) - given.has(one.item_id));
  byId("departed-none").hidden = left.length > 0;
  byId("departed").hidden = left.length === 0;
  byId("departed").replaceChildren(
    ...ordered.map((item) => tile(item.item_id, item.attributes, deedOf(given.get(item.item_id) ?? "move"))),
  );
}

export function tellNotices({ warnings = [], degraded = [] }, person) {
  const notice = (className, textContent) => Object.assign(document.createElement("li"), { className, textContent });
  const stranger = (warning) => person.newcomer && warning.includes(person.user_id); // said in the reader's language
  byId("notices").replaceChildren(
    ...(degraded.length ? [notice("notice degraded", say("degraded", { what: degraded.join("; ") }))] : []),
    ...warnings.map((warning) => notice("notice", stranger(warning) ? say("stranger") : warning)),
  );
}

/** Say why a list is empty. */
export function tellNothing(items, { text, image }) {
  byId("nothing").hidden = items.length > 0;
  byId("nothing").textContent = text ? say("nothing_found", { text }) : image ? say("nothing_alike") : say("nothing");
}

/** One tile per thing, with the latest that was done to it; `takeBack` is called with what shall be undone. */
export function tellPast(events, takeBack) {
  byId("past-empty").hidden = events.length > 0;
  byId("past").hidden = events.length === 0;
  const held = byId("past").contains(document.activeElement);
  byId("past").replaceChildren(...events.map((event) => historyTile(event, takeBack)));
  hold(byId("past"));
  if (held) (byId("past").querySelector("button") ?? byId("list")).focus(); // the next can be taken back too
}

/** The latest event on each thing, the latest first, without what was taken back. */
export function standing(events) {
  const latest = new Map();
  for (const event of events) if (!latest.has(event.item_id)) latest.set(event.item_id, event);
  return [...latest.values()].filter((event) => event.type !== "undo");
}
