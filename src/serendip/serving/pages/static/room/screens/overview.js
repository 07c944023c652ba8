// Overview: is all well, and what should somebody look at?

import { bars, columns } from "../charts.js";
import { ago, duration, interval, milliseconds, moment, number, percent } from "../format.js";
import { h } from "../nodes.js";
import { facts, table, tally } from "../tables.js";

const MINUTE_MS = 60_000;
const HOURS = 24;

export function screen(room) {
  const of = (key, draw, wide) => room.panel(key, async (panel) => draw(room, await panel.get("/v1/overview")), { every: 5, wide });
  return [
    room.panel("alerts", (panel) => alerts(room, panel), { every: 5, wide: true }),
    of("sizes", sizes, true),
    of("events_in", eventsIn),
    of("answers", answers),
    of("surfaces", surfaces),
    of("shown", shown),
    of("routes", routes, true),
  ];
}

async function alerts(room, panel) {
  const { data } = await panel.get("/v1/alerts");
  if (!data.length) return h("p", h("span.badge.good", room.say("all_well")));
  return h("ul", data.map((alert) => h("li.notice.degraded", { title: alert.detail }, room.say(`alert_${alert.code}`), measured(room, alert))));
}

/** The figure of an alert, or else its sentence. */
const measured = (room, { value, limit, detail }) =>
  value === null ? `: ${detail}` : ` ${room.say("against", { value: number(value), limit: number(limit) })}`;

function sizes(room, { counts, arrivals, effect, model, answers: by }) {
  const lists = Object.values(by).reduce((sum, count) => sum + count, 0);
  const lastMinute = arrivals.minutes.filter(({ minute }) => Date.now() - new Date(minute) < 2 * MINUTE_MS).reduce((sum, { events }) => sum + events, 0);
  return tally([
    [room.say("people"), number(counts.users)],
    [room.say("items"), number(counts.items)],
    [room.say("events"), number(counts.events), room.say("a_minute", { count: number(lastMinute / 2) })],
    [room.say("effect"), milliseconds(effect?.p50_ms), room.say("effect_late", { late: milliseconds(effect?.p99_ms) })],
    [room.say("model_age"), model ? duration((Date.now() - new Date(model.fitted_at)) / 1000) : "–", model ? model.recipe : room.say("no_model")],
    [room.say("fallbacks"), percent(lists ? 1 - (by.current ?? 0) / lists : null), room.say("of_lists", { count: number(lists) })],
  ]);
}

function eventsIn(room, { arrivals }) {
  const end = Math.ceil(Date.now() / (60 * MINUTE_MS));
  const hours = Array.from({ length: HOURS }, (_, place) => ({ hour: end - HOURS + place, value: 0 }));
  for (const { minute, events } of arrivals.minutes) {
    const hour = hours[Math.floor(new Date(minute) / (60 * MINUTE_MS)) - end + HOURS];
    if (hour) hour.value += events;
  }
  const rows = hours.map(({ hour, value }) => ({ name: `${new Date(hour * 60 * MINUTE_MS).getHours()}:00`, value }));
  return [columns({ rows, label: room.say("events_in"), ticks: 6 }), h("p.muted", room.say("arrivals_note", { most: number(arrivals.most) }))];
}

const ANSWERERS = ["current", "previous", "popular", "empty"];

function answers(room, { answers: by, model }) {
  const rows = ANSWERERS.map((name, hue) => ({ name: room.say(`by_${name}`), parts: [{ value: by[name] ?? 0, hue }], value: by[name] ?? 0 }));
  return [
    bars({ rows, label: room.say("answers") }),
    model && facts([[room.say("model"), model.version], [room.say("recipe"), model.recipe], [room.say("fitted"), `${moment(model.fitted_at)} · ${ago(model.fitted_at)}`]]),
  ];
}

function surfaces(room, { surfaces: all, lists }) {
  if (!all.length) return h("p.muted", room.say("no_lists"));
  const rows = all.map((one) => ({
    name: one.surface,
    value: one.mean,
    low: one.low,
    high: one.high,
    text: interval(one, percent),
    note: room.say("people_lists", { people: number(one.people), lists: number(one.lists) }),
  }));
  return [bars({ rows, label: room.say("surfaces"), format: percent }), h("p.muted", room.say("surfaces_note", { lists: number(lists) }))];
}

function shown(room, { exposure, lists, lists_since: since }) {
  if (!exposure) return h("p.muted", room.say("no_lists"));
  return [
    tally([
      [room.say("coverage"), percent(exposure.coverage), room.say("of_items", { count: number(exposure.items) })],
      [room.say("gini"), number(exposure.gini), room.say("gini_note")],
      [room.say("fresh"), percent(exposure.fresh_share), room.say("fresh_note")],
    ]),
    h("p.muted", room.say("window", { lists: number(lists), since: moment(since) })),
  ];
}

function routes(room, { routes: all }) {
  const timed = (head, of) => ({ head, number: true, cell: of });
  return table({
    caption: room.say("routes"),
    rows: all.slice(0, 20),
    columns: [
      { head: room.say("route"), cell: (route) => h("code", `${route.method} ${route.route}`) },
      timed(room.say("requests"), (route) => number(route.count)),
      timed("p50", (route) => milliseconds(route.p50_ms)),
      timed("p95", (route) => milliseconds(route.p95_ms)),
      timed("p99", (route) => milliseconds(route.p99_ms)),
      timed(room.say("refused_count"), (route) => number(route.refused)),
      timed(room.say("failed_count"), (route) => h("span", { class: route.failed ? "bad" : null }, number(route.failed))),
    ],
  });
}
