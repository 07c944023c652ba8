// Operations: is the service well, what is it busy with, what does it take, and can it be brought back?

import { bars } from "../charts.js";
import { button } from "../forms.js";
import { ago, bytes, duration, moment, number } from "../format.js";
import { h } from "../nodes.js";
import { facts, table, tally } from "../tables.js";

const WATCH_MS = 1000; // between two looks at a backup that is under way

export function screen(room) {
  const of = (key, draw, wide) => room.panel(key, async (panel) => draw(room, await panel.get("/v1/operations")), { every: 5, wide });
  return [
    of("health", health),
    of("process", processes),
    of("queues", queues, true),
    room.panel("jobs", (panel) => jobs(room, panel), { every: 5, wide: true }),
    of("storage", storage),
    room.panel("backups", (panel) => backups(room, panel)),
    of("limits", limits, true),
  ];
}

function health(room, { health: now }) {
  const badge = now.ready ? h("span.badge.good", room.say("ready")) : h("span.badge.bad", room.say("not_ready"));
  return [
    h("p", badge),
    now.why && h("p.notice.degraded", now.why),
    ...now.degraded.map((what) => h("p.notice.degraded", what)),
    facts([
      [room.say("model"), now.model_version ?? room.say("no_model")],
      [room.say("alerts"), now.alerts ? room.link("overview", {}, number(now.alerts)) : number(0)],
    ]),
  ];
}

const queues = (room, { queues: waiting }) =>
  tally(["requests", "writes", "exposures", "erasures"].map((name) => [room.say(name), number(waiting[name]), room.say(`${name}_note`)]));

async function jobs(room, panel) {
  const [{ jobs: now, queues: waiting }, files] = await Promise.all([panel.get("/v1/operations"), panel.get("/v1/imports?limit=1")]);
  const importing = files.drafts.filter((draft) => draft.stage === "importing");
  const running = [
    now.training && room.say("training_now"),
    ...importing.map((draft) => room.say("importing_now", { name: draft.name, done: number(draft.done), total: number(draft.total) })),
    waiting.erasures > 0 && room.say("erasing_now", { count: number(waiting.erasures) }),
  ].filter(Boolean);
  return [
    running.length ? h("ul", running.map((what) => h("li", h("span.badge.warn", room.say("running")), " ", what))) : h("p", h("span.badge", room.say("idle"))),
    rounds(room, now.rounds),
  ];
}

const OUTCOMES = { promoted: "good", held: "warn", skipped: "", failed: "bad" };

const rounds = (room, all) =>
  table({
    caption: room.say("rounds"),
    empty: room.say("no_rounds"),
    rows: all,
    columns: [
      { head: room.say("begun"), cell: (round) => moment(round.started_at) },
      { head: room.say("outcome"), cell: (round) => h("span.badge", { class: OUTCOMES[round.outcome] || null }, room.say(`outcome_${round.outcome}`)) },
      { head: room.say("took"), number: true, cell: (round) => duration(round.seconds) },
      { head: room.say("why"), cell: (round) => round.why },
    ],
  });

function storage(room, { storage: now }) {
  const rows = now.parts.map((part) => ({
    name: room.say(`part_${part.name}`),
    value: part.bytes,
    text: part.whole ? bytes(part.bytes) : room.say("at_least", { what: bytes(part.bytes) }),
    note: part.name === "store" || !part.files ? null : room.say("files", { count: number(part.files) }),
  }));
  const share = now.total_bytes ? now.free_bytes / now.total_bytes : 0;
  return [
    bars({ rows, label: room.say("storage"), format: bytes }),
    facts([[room.say("free"), h("span", { class: share < 0.1 ? "bad" : null }, room.say("free_of", { free: bytes(now.free_bytes), total: bytes(now.total_bytes) }))]]),
    h("p.muted", room.say("measured", { ago: ago(now.measured) })),
  ];
}

// ---------------------------------------------------------------- backups

async function backups(room, panel) {
  const { data, latest, folder, restore } = await panel.get("/v1/backups");
  const under = latest && !latest.ended;
  if (under) setTimeout(() => panel.node.isConnected && panel.refresh(), WATCH_MS);
  const make = () => panel.send("POST", "/v1/backups", {}).then(() => panel.refresh());
  return [
    h("p.muted", room.say("backups_note", { folder })),
    under ? progress(room, latest) : room.may("admin") && h("p", button(room.say("back_up"), make, { kind: "plain.chief" })),
    latest?.stage === "failed" && h("p.notice.problem", room.say("backup_failed", { why: latest.why })),
    table({
      caption: room.say("backups"),
      empty: room.say("no_backups"),
      rows: data,
      columns: [
        { head: room.say("made"), cell: (one) => (one.made ? moment(one.made) : "–") },
        { head: room.say("file"), cell: (one) => h("code", one.name) },
        { head: room.say("size"), number: true, cell: (one) => bytes(one.bytes) },
      ],
    }),
    restore && [h("p.muted", room.say("restore")), h("pre.command", { tabindex: "0" }, restore)],
  ].flat();
}

const STAGES = { "copying the store": "stage_store", packing: "stage_packing", "reading back": "stage_reading" };

function progress(room, latest) {
  const said = room.say(STAGES[latest.stage]);
  return h("p", h("label", said, " ", h("progress", { max: Math.max(latest.total, 1), value: latest.done, "aria-label": said })));
}

// ---------------------------------------------------------------- what runs, and what it is held to

function processes(room, { process }) {
  return facts([
    ["Serendip", process.version],
    ["Python", `${process.python} (${process.system})`],
    [room.say("processes"), room.say("processes_of", { count: number(process.processes), cores: number(process.cores) })],
    [room.say("memory"), bytes(process.memory_bytes)],
    [room.say("since"), process.since ? `${moment(process.since)} · ${duration(process.up_s)}` : "–"],
  ]);
}

function limits(room, { limits: all }) {
  const written = ({ name, value }) => (name.endsWith("_bytes") ? bytes(value) : value === 0 ? room.say("no_limit", {}) : number(value));
  return [
    table({
      caption: room.say("limits"),
      rows: all,
      columns: [
        { head: room.say("limit"), cell: (one) => room.say(`limit_${one.name}`) },
        { head: room.say("value"), number: true, cell: written },
      ],
    }),
    h("p.muted", room.say("limits_note")),
  ];
}
