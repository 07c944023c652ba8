// Rehearsal: what a dry run showed, in figures and person by person.

import { milliseconds, number, percent } from "../../format.js";
import { h } from "../../nodes.js";
import { tally } from "../../tables.js";
import { itemTile, personTile } from "../../things.js";

export function rehearsal(room, told) {
  const { people, wanted, latest_events: events } = told;
  return [
    h("h3", room.say("dry_run_of", { people: number(people) })),
    tally([
      [room.say("lists_changed"), percent(told.changed.mean), sure(room, told.changed)],
      [room.say("overlap"), percent(told.overlap.mean), sure(room, told.overlap)],
      [room.say("distinct"), number(told.distinct_after), room.say("distinct_before", { before: number(told.distinct_before), items: number(told.items) })],
      [room.say("list_time"), milliseconds(told.ms_after), room.say("time_before", { before: milliseconds(told.ms_before) })],
    ]),
    h("p.muted", room.say("dry_run_note", { events: number(events) }), people < wanted && ` ${room.say("no_time", { missing: number(wanted - people) })}`),
    ...told.shown.map((one, place) => pair(room, one, told.attributes, place === 0)),
  ];
}

const sure = (room, { low, high }) => room.say("sure", { low: percent(low), high: percent(high) });

function pair(room, { user_id: userId, before, after }, attributes, open) {
  const same = after.filter((itemId, place) => before[place] === itemId).length;
  const list = (word, ids, note) => h("section", h("h4", room.say(word)), h("ol.ranked", ids.map((itemId, place) => h("li", itemTile(itemId, attributes[itemId], note(itemId, place))))));
  const moved = (itemId, place) => {
    const was = before.indexOf(itemId);
    if (was < 0) return room.say("came_in");
    return was === place ? "" : was > place ? `↑ ${was - place}` : `↓ ${place - was}`;
  };
  const left = (itemId) => (after.includes(itemId) ? "" : room.say("went_out"));
  return h("details.part", { open }, h("summary", h("span", userId), h("small.muted", room.say("kept_places", { same: number(same), of: number(before.length) }))), h("p.row", personTile(userId)), h("div.pair", list("before", before, left), list("after", after, moved)));
}
