// Stages: the way of one request, from what its sources propose to the list, as the service traced it.

import { bars, legend } from "../../charts.js";
import { number } from "../../format.js";
import { h } from "../../nodes.js";
import { table, tally } from "../../tables.js";
import { itemTile } from "../../things.js";

const PROPOSED = 8; // candidates of each source that are shown at once
const MORE = 50; // of each source at most
const RANKED = 15;
const FILTERS = {
  "not on offer": "by_offer",
  "rule of the recipe": "by_rule",
  "filter of the request": "by_filter",
  "not among item_ids": "by_ids",
  "seen before": "by_seen",
  "excluded by the request": "by_exclusion",
};

/** Five steps; `items` are those of the list with their reasons, where these are known. */
export function stages(room, trace, attributes, items) {
  const proposed = new Set(trace.sources.flatMap((source) => source.candidates.map((one) => one.item_id)));
  const dropped = new Set(trace.sources.flatMap((source) => source.candidates.filter((one) => one.dropped_by).map((one) => one.item_id)));
  const moved = trace.ranking.filter((one, place) => one.listed_at && one.listed_at !== place + 1 && !trace.pinned.includes(one.item_id));
  const tile = (itemId, note) => itemTile(itemId, attributes[itemId], note);
  return [
    tally([
      [room.say("n_events"), number(trace.events)],
      [room.say("n_proposed"), number(proposed.size), room.say("n_sources", { n: number(trace.sources.length) })],
      [room.say("n_dropped"), number(dropped.size)],
      [room.say("n_ranked"), number(trace.ranking.length)],
      [room.say("n_moved"), number(moved.length)],
      [room.say("n_listed"), number(trace.item_ids.length)],
    ]),
    h("h3", room.say("stage_sources")),
    h("div.sources", trace.sources.map((source) => proposals(room, source, tile))),
    h("h3", room.say("stage_filters")),
    filters(room, trace, tile),
    h("h3", room.say("stage_ranking")),
    h("div", ranking(room, trace, tile)),
    h("h3", room.say("stage_list")),
    final(room, trace, items, tile),
  ];
}

const filterName = (room, name) => (FILTERS[name] ? room.say(FILTERS[name]) : name);

// ---------------------------------------------------------------- candidates

function proposals(room, source, tile) {
  const dropped = source.candidates.filter((one) => one.dropped_by).length;
  const counted = { n: number(source.candidates.length), dropped: number(dropped) };
  const fate = (one) => (one.dropped_by ? h("span.warn", `✕ ${filterName(room, one.dropped_by)}`) : h("span.good", room.say("kept")));
  const columns = [
    { head: room.say("item"), cell: (one) => tile(one.item_id, fate(one)) },
    { head: room.say("score"), number: true, cell: (one) => number(one.score) },
  ];
  const rows = (from, to) => table({ caption: source.name, columns, rows: source.candidates.slice(from, to), empty: room.say("proposes_nothing") });
  const rest = Math.min(source.candidates.length, MORE) - PROPOSED;
  return h(
    "section.source",
    h("h4", source.name),
    h("p.muted", room.say("proposes", counted)),
    rows(0, PROPOSED),
    rest > 0 && h("details", h("summary", room.say("more_candidates", { n: number(rest) })), rows(PROPOSED, MORE)),
  );
}

// ---------------------------------------------------------------- filters

function filters(room, trace, tile) {
  const columns = [
    { head: room.say("filter"), cell: (one) => filterName(room, one.name) },
    { head: room.say("lets_through"), number: true, cell: (one) => number(one.lets_through) },
    { head: room.say("drops"), number: true, cell: (one) => number(one.dropped.length) },
    { head: room.say("such_as"), cell: (one) => h("div.row", one.dropped.slice(0, 3).map((itemId) => tile(itemId))) },
  ];
  return table({ caption: room.say("stage_filters"), columns, rows: trace.filters, empty: room.say("no_filters") });
}

// ---------------------------------------------------------------- the blend, and what re-ranking makes of it

function ranking(room, trace, tile) {
  if (!trace.ranking.length) return h("p.muted", room.say("nothing_ranked"));
  const names = Object.keys(trace.ranking[0].shares);
  const first = trace.ranking.filter((one, place) => place < RANKED || trace.pinned.includes(one.item_id));
  const rows = first.map((one, place) => ({
    name: tile(one.item_id, moveOf(room, one, place + 1, trace.pinned)),
    value: one.score,
    parts: names.map((name, hue) => ({ value: one.shares[name], hue, title: `${name}: ${number(one.shares[name])}` })),
    note: names.map((name) => number(one.shares[name])).join(" + "),
  }));
  const left = trace.ranking.length - rows.length;
  return [legend(names), h("div.blend", bars({ rows, label: room.say("stage_ranking") })), left > 0 && h("p.muted", room.say("more_ranked", { n: number(left) }))];
}

function moveOf(room, one, place, pinned) {
  if (pinned.includes(one.item_id)) return room.say("pinned", { rank: number(one.listed_at) });
  if (one.listed_at === null) return room.say("not_listed", { place: number(place) });
  const places = place - one.listed_at;
  const key = places > 0 ? "moved_up" : places < 0 ? "moved_down" : "stays";
  return room.say(key, { place: number(place), rank: number(one.listed_at), n: number(Math.abs(places)) });
}

// ---------------------------------------------------------------- the list

function final(room, trace, items, tile) {
  if (!trace.item_ids.length) return h("p.muted", room.say("empty_list"));
  const reasons = new Map(items.map((item) => [item.item_id, item.reasons?.[0]?.text]));
  return h("ol.final", trace.item_ids.map((itemId, place) => h("li", h("span.place", number(place + 1)), tile(itemId, reasons.get(itemId) ?? ""))));
}
