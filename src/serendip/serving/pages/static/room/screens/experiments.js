// Experiments: which of two ways is better, found out on the people who come.

import { bars } from "../charts.js";
import { confirmed, form } from "../forms.js";
import { ago, interval, moment, number, percent } from "../format.js";
import { h } from "../nodes.js";
import { facts, table } from "../tables.js";

const GRAVITY = { ship: "good", hold: "warn", stop: "bad" };

export function screen(room) {
  const id = room.params.get("id");
  return [
    id && room.panel("results", (panel) => results(room, panel, id), { every: 5, wide: true }),
    room.panel("all", (panel) => all(room, panel), { every: 10, wide: true }),
    room.may("admin") && room.panel("start", (panel) => start(room, panel), { wide: true }),
  ];
}

// ---------------------------------------------------------------- one

async function results(room, panel, id) {
  const path = `/v1/experiments/${encodeURIComponent(id)}`;
  const told = await panel.get(`${path}/results`);
  const { experiment, arms } = told;
  return [
    h("h3", experiment.name, " ", state(room, experiment)),
    facts([
      [room.say("kind"), room.say(experiment.kind)],
      [room.say("since"), `${moment(experiment.started)} · ${ago(experiment.started)}`],
      experiment.stopped && [room.say("stopped"), [moment(experiment.stopped), experiment.stopped_why && ` · ${experiment.stopped_why}`]],
      [room.say("taking_part"), percent(experiment.traffic)],
      [room.say("smallest"), percent(experiment.worth)],
      [room.say("split_check"), splitCheck(room, told)],
    ].filter(Boolean)),
    h("h3", room.say(told.kind === "split" ? "wanted" : "preferred")),
    bars({ label: room.say("wanted"), format: percent, rows: arms.map((arm) => armRow(room, experiment, arm)) }),
    ...arms.filter((arm) => arm.gain).map((arm) => verdict(room, arm, arms[0].name)),
    h("p.muted", room.say("always_valid")),
    !experiment.stopped && room.may("admin") && confirmed(room.say("stop"), room.say("stop_question"), async () => {
      await panel.send("POST", `${path}/stop`, { why: room.say("stopped_here") });
      room.again();
    }),
  ].filter(Boolean);
}

const state = (room, { stopped }) => h(stopped ? "span.badge" : "span.badge.good", room.say(stopped ? "ended" : "runs"));

function splitCheck(room, { kind, split_broken: broken, split_p_value: p }) {
  if (kind !== "split") return room.say("no_split");
  return h(broken ? "span.badge.bad" : "span", room.say(broken ? "split_broken" : "split_sound", { p: number(p) }));
}

function armRow(room, experiment, arm) {
  const { model_version: version, recipe } = experiment.arms.find(({ name }) => name === arm.name);
  return {
    name: [arm.name, h("small.help", [recipe, version ?? room.say("whichever")].filter(Boolean).join(" · "))],
    value: arm.wanted.mean ?? 0,
    low: arm.wanted.low,
    high: arm.wanted.high,
    text: interval(arm.wanted, percent),
    note: room.say("people_lists", { people: number(arm.people), lists: number(arm.lists) }),
  };
}

function verdict(room, arm, control) {
  const harms = Object.entries(arm.harms).map(([name, figure]) => [room.say("harm", { name }), interval(figure, percent)]);
  return h(
    "div",
    h("h3", room.say("compared", { arm: arm.name, control }), " ", h(`span.badge.${GRAVITY[arm.advice.verdict]}`, room.say(`advice_${arm.advice.verdict}`))),
    h("p", { title: arm.advice.why }, room.say(`because_${arm.advice.reason}`)),
    facts([[room.say("gain"), interval(arm.gain, percent)], ...harms]),
  );
}

// ---------------------------------------------------------------- all

async function all(room, panel) {
  const { data } = await panel.get("/v1/experiments");
  return table({
    caption: room.say("all"),
    rows: data,
    empty: room.say("none"),
    columns: [
      { head: room.say("name"), cell: (one) => room.link("experiments", { id: one.id }, one.name) },
      { head: room.say("state"), cell: (one) => state(room, one) },
      { head: room.say("kind"), cell: (one) => room.say(one.kind) },
      { head: room.say("arms"), cell: (one) => one.arms.map(({ name, recipe }) => (recipe ? `${name} (${recipe})` : name)).join(" · ") },
      { head: room.say("since"), cell: (one) => ago(one.started) },
    ],
  });
}

// ---------------------------------------------------------------- a new one

async function start(room, panel) {
  const { data: models } = await panel.get("/v1/models");
  const versions = [["", room.say("whichever")], ...[...models].reverse().map(({ version, recipe }) => [version, [recipe, version].filter(Boolean).join(" · ")])];
  const choice = (name, value) => ({ name, label: room.say(name), kind: "select", options: versions, value });
  const other = room.params.get("challenger") ?? models.findLast(({ current }) => !current)?.version ?? "";
  return [
    models.length < 2 && h("p.notice", room.say("one_model")),
    form({
      submit: room.say("begin"),
      fields: [
        { name: "name", label: room.say("name"), required: true, maxlength: 64 },
        { name: "kind", label: room.say("kind"), kind: "select", options: ["split", "interleaving"].map((kind) => [kind, room.say(kind)]), value: "split", help: room.say("kind_help") },
        choice("control", ""),
        choice("challenger", other),
        { name: "traffic", label: room.say("traffic"), kind: "number", value: 100, min: 0.1, max: 100, required: true, help: room.say("traffic_help") },
        { name: "worth", label: room.say("worth"), kind: "number", value: 1, min: 0.01, max: 99, required: true, help: room.say("worth_help") },
        { name: "surface", label: room.say("surface"), maxlength: 64, help: room.say("surface_help") },
      ],
      act: async (filled) => {
        const begun = await panel.send("POST", "/v1/experiments", {
          name: filled.name,
          kind: filled.kind,
          arms: [{ name: "control", model_version: filled.control }, { name: "challenger", model_version: filled.challenger }],
          traffic: filled.traffic / 100,
          worth: filled.worth / 100,
          surface: filled.surface,
        });
        room.go("experiments", { id: begun.id });
      },
    }),
  ].filter(Boolean);
}
