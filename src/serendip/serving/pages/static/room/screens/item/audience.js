// Audience: who was shown an item, at which place, and what they did with it.

import { deedOf } from "../../../words.js";
import { bars, columns } from "../../charts.js";
import { moment, number, percent } from "../../format.js";
import { h } from "../../nodes.js";
import { table, tally } from "../../tables.js";
import { personTile, time } from "../../things.js";

const SHOWINGS = 100; // that are read, so that all panels ask alike
const LISTED = 20;

const audience = (panel, item) => panel.get(`${item}/audience?limit=${SHOWINGS}`);
const DAY_S = 86_400;

/** How the item fares at each place, beside all items at that place. */
export async function places(room, panel, item) {
  const told = await audience(panel, item);
  if (!told.places.length) return [h("p", room.say("never_shown")), looked(room, told)];
  const rows = told.places.map((one) => ({
    name: room.say("at_place", { place: number(one.position) }),
    value: one.rate,
    low: one.low,
    high: one.high,
    note: [room.say("wanted_of", { wanted: number(one.wanted), shown: number(one.shown) }), one.others === null ? "" : ` · ${room.say("all_items", { share: percent(one.others) })}`],
  }));
  return [bars({ rows, label: room.say("places"), format: percent }), h("p.muted", room.say("places_how", { beside: number(told.beside) })), looked(room, told)];
}

const looked = (room, told) => h("p.muted", room.say("looked_at", { lists: number(told.exposures), since: moment(told.since) }));

/** Who was shown it, the latest first. */
export async function seen(room, panel, item) {
  const told = await audience(panel, item);
  const rows = told.showings.slice(0, LISTED);
  const list = [
    { head: room.say("person"), cell: (one) => (one.user_id === null ? room.say("stranger") : personTile(one.user_id, null)) },
    { head: room.say("when"), cell: (one) => time(one.time) },
    { head: room.say("surface"), cell: (one) => one.surface },
    { head: room.say("place"), number: true, cell: (one) => number(one.position) },
    { head: room.say("did"), cell: (one) => one.did.map((type) => deedOf(type)).join(", ") },
    { head: room.say("list"), cell: (one) => one.user_id !== null && room.link("person", { id: one.user_id, request: one.request_id }, room.say("replay_it")) },
  ];
  return [
    tally([
      [room.say("times_shown"), number(told.shown), room.say("in_lists", { lists: number(told.exposures) })],
      [room.say("people_shown"), number(told.people)],
      [room.say("people_acted"), number(told.actors), room.say("with_events", { events: number(told.events) })],
      ...told.types.slice(0, 4).map((one) => [deedOf(one.type), number(one.events), room.say("by_people", { people: number(one.people) })]),
    ]),
    table({ caption: room.say("seen_rows"), columns: list, rows, empty: room.say("never_shown") }),
    told.shown > rows.length && h("p.muted", room.say("more_showings", { n: number(told.shown - rows.length) })),
    looked(room, told),
  ];
}

/** What was done with it over time. */
export async function events(room, panel, item) {
  const told = await audience(panel, item);
  if (!told.spans.length) return h("p.muted", room.say("nobody_did"));
  const style = told.span_s < DAY_S ? { dateStyle: "short", timeStyle: "short" } : { dateStyle: "medium" };
  const rows = told.spans.map((span) => ({ name: new Date(span.begins).toLocaleString(room.language, style), value: span.events }));
  return [columns({ rows, label: room.say("over_time"), ticks: Math.ceil(rows.length / 4) }), h("p.muted", room.say("over_time_how", { events: number(told.events) }))];
}
