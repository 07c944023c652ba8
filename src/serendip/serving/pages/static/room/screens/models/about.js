// About: one model, what it learned, at what cost, and how good it is.

import { lines } from "../../charts.js";
import { bytes, duration, moment, number } from "../../format.js";
import { button } from "../../forms.js";
import { h } from "../../nodes.js";
import { facts } from "../../tables.js";
import { comparison, quality } from "./quality.js";

const MB = 1e6;

export async function about(room, panel) {
  const version = room.params.get("version") ?? (await current(panel));
  if (!version) return h("p.muted", room.say("no_models"));
  const told = await panel.get(`/v1/models/${encodeURIComponent(version)}`);
  return [
    h("p", h("b", told.version), " ", told.current && h("span.badge.good", room.say("current"))),
    h("div.pair", facts(learned(room, told)), facts(cost(room, told))),
    h("h3", room.say("how_good")),
    judged(room, panel, told),
    told.verdict && [h("h3", room.say("against_before")), comparison(room, told.verdict)],
    curves(room, told.curves),
    told.toml && h("details.part", h("summary", room.say("its_recipe")), h("pre.toml", { tabindex: "0", "aria-label": room.say("its_recipe") }, told.toml)),
  ].flat();
}

const current = async (panel) => (await panel.get("/v1/models")).data.find((one) => one.current)?.version;

function learned(room, { recipe, fitted_at: at, data }) {
  const from = data?.from ? room.say("from_to", { from: moment(data.from), to: moment(data.to) }) : "–";
  return [
    [room.say("by_recipe"), recipe ?? "–"],
    [room.say("fitted"), moment(at)],
    [room.say("learned_from"), data ? room.say("sizes", { events: number(data.events), people: number(data.users), items: number(data.items) }) : "–"],
    [room.say("window"), from],
  ];
}

function cost(room, { fit_seconds: seconds, peak_mb: peak, size_mb: size, parameters }) {
  const each = (table, write) => Object.entries(table).map(([name, value]) => `${name} ${write(value)}`).join(" · ") || "–";
  const total = Object.values(seconds).reduce((sum, one) => sum + one, 0);
  return [
    [room.say("fit_time"), [duration(total), h("small.muted", ` ${each(seconds, duration)}`)]],
    [room.say("parameters"), each(parameters, number)],
    [room.say("size"), bytes(size * MB)],
    [room.say("memory"), peak === null ? "–" : bytes(peak * MB)],
  ];
}

/** What came of its last evaluation, and another one. */
function judged(room, panel, { version, exam }) {
  const place = h("div", exam ? quality(room, exam) : h("p.muted", room.say("not_evaluated")));
  const evaluate = async () => {
    place.replaceChildren(h("div", quality(room, await panel.send("POST", "/v1/models:evaluate", { version }))));
  };
  return [place, room.may("admin") && h("p.row", button(room.say("evaluate"), evaluate), h("small.muted", room.say("evaluate_note")))];
}

function curves(room, all) {
  if (!all.length) return h("p.muted", room.say("no_curves"));
  return all.map((one) => h("div", h("h3", room.say("curve", { name: one.source })), h("div.pair", curve(room.say("loss"), one.losses), curve(room.say("grade"), one.grades))));
}

const curve = (name, values) =>
  values.length > 0 && h("div", h("p.muted", name), lines({ series: [{ name, points: values.map((value, place) => [place + 1, value]) }], label: name }));
