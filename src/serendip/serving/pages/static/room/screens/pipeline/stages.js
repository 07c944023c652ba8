// Stages: the way of a list as a picture, with how much each step leaves and how long it takes.

import { milliseconds, number, percent } from "../../format.js";
import { h } from "../../nodes.js";
import { table } from "../../tables.js";

const ROUNDED = (value) => number(value < 10 ? Math.round(value * 10) / 10 : Math.round(value));

export function stages(room, told, recipe) {
  const times = Object.fromEntries(told.times.map((one) => [one.stage, one]));
  const { counts } = told;
  return [
    h("ol.stages", { "aria-label": room.say("stages") }, steps(room, told, recipe).map((step) => stage(room, step, step.timed.map((name) => times[name])))),
    h("p.muted", note(room, told, times)),
    counts && h("div.pair", sources(room, counts, recipe), filters(room, counts)),
  ];
}

/** Each step: its name, a figure with what it counts, and the parts of a list's time that belong to it. */
function steps(room, { counts, exploring }, recipe) {
  const say = (key, value) => room.say(key, { count: value });
  const sum = (rows, of) => rows.reduce((total, row) => total + row[of], 0);
  const of = (read) => (counts ? ROUNDED(read(counts)) : "–");
  const { places, share } = recipe.exploration;
  return [
    { name: "history", value: of((all) => all.events), what: say("of_events"), timed: ["history"] },
    { name: "sources", value: of((all) => sum(all.sources, "proposed")), what: say("of_proposed", recipe.sources.length), timed: ["sources"] },
    { name: "filters", value: of((all) => sum(all.filters, "dropped")), what: say("of_dropped"), timed: ["filters"] },
    { name: "blend", value: of((all) => all.blended), what: say("of_blended"), timed: ["blending"] },
    { name: "ranking", value: recipe.ranking ? number(recipe.ranking.depth) : "–", what: recipe.ranking ? say("of_ranked", recipe.ranking.model) : say("of_no_ranking"), timed: ["ranking"] },
    { name: "reranking", value: of((all) => all.moved), what: say("of_moved", of((all) => all.considered)), timed: ["reranking"] },
    { name: "exploration", value: places.length ? number(places.length) : "–", what: !places.length ? say("of_no_places") : exploring ? say("of_places", percent(share)) : say("of_stopped"), timed: ["exploration"] },
    { name: "list", value: of((all) => all.listed), what: say("of_listed"), timed: ["reasons", "exposure"] },
  ];
}

function stage(room, { name, value, what }, times) {
  const timed = times.filter((one) => one?.count);
  const total = (of) => timed.reduce((sum, one) => sum + (one[of] ?? 0), 0);
  const text = timed.length ? room.say("took", { half: milliseconds(total("p50_ms")), most: milliseconds(total("p99_ms")) }) : room.say("not_timed");
  return h("li.stage", h("h3", room.say(`stage_${name}`)), h("b", value), h("span", what), h("small", text));
}

function note(room, { counts, latest_events: events }, times) {
  const lists = room.say("times_note", { lists: number(times.sources.count) });
  if (!counts) return [room.say("nobody_yet"), " ", lists];
  return [room.say("counts_note", { people: number(counts.people), events: number(events), items: number(counts.items) }), " ", lists];
}

function sources(room, counts, recipe) {
  const weights = Object.fromEntries(recipe.sources.map((one) => [one.name, one.weight]));
  return table({
    caption: room.say("stage_sources"),
    columns: [
      { head: room.say("stage_sources"), cell: (row) => row.name },
      { head: room.say("weight"), cell: (row) => number(weights[row.name]), number: true },
      { head: room.say("proposed"), cell: (row) => ROUNDED(row.proposed), number: true },
      { head: room.say("dropped"), cell: (row) => ROUNDED(row.dropped), number: true },
    ],
    rows: counts.sources,
  });
}

/** The service names filters in English. */
function filterName(room, name) {
  const key = `filter_${name.replaceAll(" ", "_")}`;
  const word = room.say(key);
  return word === key ? name : word;
}

function filters(room, counts) {
  return table({
    caption: room.say("stage_filters"),
    columns: [
      { head: room.say("stage_filters"), cell: (row) => filterName(room, row.name) },
      { head: room.say("dropped"), cell: (row) => ROUNDED(row.dropped), number: true },
      { head: room.say("lets_through"), cell: (row) => percent(row.lets_through / counts.items), number: true },
    ],
    rows: counts.filters,
  });
}
