// One file on its way in: what its columns are, what is wrong with it, and what came of it.

import { download } from "../../../api.js";
import { button, confirmed } from "../../forms.js";
import { bytes, duration, number } from "../../format.js";
import { h } from "../../nodes.js";
import { facts, table } from "../../tables.js";

const LOOK_MS = 500; // between two looks at an import that is under way
const KINDS = ["events", "items", "users"];
const SEPARATORS = [",", ";", "\t", "|"];
const UNITS = ["auto", "s", "ms", "us", "ns"];
const EXAMPLES = 3;
const FIRST_ROWS = 8;
const LEVELS = { PASS: "good", WARN: "warn", FAIL: "bad" };
const LEFT_OUT = "-";

/** Values of a column or a row, cut after two lines; all of it where one points. */
export const examplesOf = (text) => h("span.examples", { title: text || null }, text);

/** Where the import `id` stands. */
export async function importing(room, panel, id) {
  const path = `/v1/imports/${encodeURIComponent(id)}`;
  const { draft, imported } = await panel.get(path);
  if (imported) return receipt(room, imported);
  if (draft.stage === "importing") return underWay(room, panel, draft);
  const { bounds } = await panel.get("/v1/imports?limit=1");
  return [
    steps(room, draft.report ? 2 : 1),
    h("p", h("strong", draft.name), ` · ${bytes(draft.bytes)}`),
    draft.why && h("p.notice.problem", room.say("not_imported", { why: draft.why })),
    room.may("admin") ? choosing(room, panel, draft, bounds, path) : sample(room, draft),
    draft.report && report(room, panel, draft, path),
  ].flat();
}

const steps = (room, now) =>
  h("ol.steps", ["step_send", "step_columns", "step_checks", "step_done"].map((step, place) => h("li", { "aria-current": place === now ? "step" : null }, room.say(step))));

// ---------------------------------------------------------------- columns

function choosing(room, panel, draft, bounds, path) {
  const choice = draft.choice ?? draft.guess;
  const send = (act, body) => panel.send("POST", `${path}:${act}`, body).then(() => panel.refresh());
  const fields = setting(room, draft, choice, (changed) => send("guess", { kind: choice.kind, delimiter: choice.delimiter, ...changed }));
  const parts = bounds.parts[choice.kind];
  const needed = bounds.needed[choice.kind];
  const selects = draft.headers.map((header) => partOf(room, choice, parts, needed, header));
  const check = () => {
    const columns = {};
    for (const [place, { value }] of selects.entries()) {
      if (!value || value === LEFT_OUT) continue;
      if (columns[value]) return h("span.refused", room.say("twice", { part: room.say(`part_${value}`) }));
      columns[value] = draft.headers[place];
    }
    const leaveOut = draft.headers.filter((_, place) => selects[place].value === LEFT_OUT);
    return send("check", { kind: choice.kind, format: choice.format, delimiter: choice.delimiter, columns, leave_out: leaveOut, ...fields.read() });
  };
  return [
    h("p.muted", room.say("columns_note")),
    h("div.form", fields.nodes),
    columnTable(room, draft, selects),
    sample(room, draft),
    h("p.row", button(room.say("check"), check, { kind: "plain.chief" }), discarding(room, panel, path)),
  ];
}

function columnTable(room, draft, selects) {
  const examples = (place) => draft.sample.map((row) => row[place]).filter((cell) => cell !== null && cell !== "").slice(0, EXAMPLES);
  return table({
    caption: room.say("columns"),
    rows: draft.headers.map((header, place) => ({ header, place })),
    columns: [
      { head: room.say("column"), cell: ({ header }) => h("strong", header) },
      { head: room.say("examples"), cell: ({ place }) => examplesOf(examples(place).join(" · ")) },
      { head: room.say("is"), cell: ({ place }) => selects[place] },
    ],
  });
}

function select(label, options, chosen, onchange) {
  const nodes = options.map(([value, text]) => Object.assign(h("option", { value }, text), { selected: value === chosen }));
  return h("select", { "aria-label": label, onchange }, nodes);
}

/** What a column is, to be chosen. */
function partOf(room, choice, parts, needed, header) {
  const now = Object.entries(choice.columns).find(([, of]) => of === header)?.[0];
  const none = choice.kind === "events" ? [["", room.say("ignored")]] : [["", room.say("as_it_is")], [LEFT_OUT, room.say("left_out")]];
  const named = parts.map((part) => [part, room.say(`part_${part}`) + (needed.includes(part) ? " *" : "")]);
  return select(room.say("is_of", { column: header }), [...none, ...named], now ?? (choice.leave_out.includes(header) ? LEFT_OUT : ""));
}

/** The kind of table, and what else is to be known: the fields, and what was chosen in them. */
function setting(room, draft, choice, guessAnew) {
  const labelled = (key, node, help) => h("div.field", h("label", room.say(key), node), help && h("small.help", help));
  const again = (name) => (event) => guessAnew({ [name]: event.target.value });
  const kind = select(room.say("kind"), KINDS.map((one) => [one, room.say(`kind_${one}`)]), choice.kind, again("kind"));
  const nodes = [labelled("kind", kind)];
  if (choice.format === "csv") {
    const known = SEPARATORS.includes(choice.delimiter) ? SEPARATORS : [choice.delimiter, ...SEPARATORS];
    const names = { ",": "comma", ";": "semicolon", "\t": "tab", "|": "bar" };
    nodes.push(labelled("separator", select(room.say("separator"), known.map((one) => [one, names[one] ? room.say(names[one]) : one]), choice.delimiter, again("delimiter"))));
  }
  if (choice.kind !== "events") return { nodes, read: () => ({}) };
  const unit = select(room.say("time_unit"), UNITS.map((one) => [one, room.say(`unit_${one}`)]), choice.time_unit);
  const type = h("input", { type: "text", maxlength: 64, autocomplete: "off", value: choice.event_type ?? "" });
  nodes.push(labelled("time_unit", unit), labelled("event_type", type, room.say("event_type_help")));
  return { nodes, read: () => ({ time_unit: unit.value, event_type: type.value || null }) };
}

const sample = (room, draft) =>
  h(
    "details",
    h("summary", room.say("first_rows")),
    table({
      caption: room.say("first_rows"),
      rows: draft.sample.slice(0, FIRST_ROWS),
      columns: draft.headers.map((head, place) => ({ head, cell: (row) => row[place] ?? "" })),
    }),
  );

function discarding(room, panel, path) {
  const discard = () => panel.send("DELETE", path).then(() => room.go("data", {}));
  return confirmed(room.say("discard"), room.say("discard_sure"), discard);
}

// ---------------------------------------------------------------- checks

function report(room, panel, draft, path) {
  const { report: told } = draft;
  const failed = told.findings.some((one) => one.level === "FAIL");
  const anyway = h("input", { type: "checkbox", id: "anyway" });
  const accept = () => panel.send("POST", `${path}:accept`, { anyway: anyway.checked }).then(() => panel.refresh());
  return h(
    "section.report",
    { "aria-label": room.say("checks") },
    h("h3", room.say("checks")),
    findings(room, told.findings),
    told.notes.length > 0 && h("ul", { lang: "en" }, told.notes.map((note) => h("li.muted", note))),
    told.refused > 0 && refused(room, draft),
    room.may("admin") &&
      told.kept > 0 && [
        failed && h("p.check", anyway, h("label", { for: "anyway" }, ` ${room.say("anyway")}`)),
        h("p", button(room.say("import_rows", { count: number(told.kept) }), accept, { kind: "plain.chief" })),
      ],
  );
}

const findings = (room, all) =>
  table({
    caption: room.say("checks"),
    rows: all,
    columns: [
      { head: room.say("level"), cell: (one) => h("span.badge", { class: LEVELS[one.level] }, one.level) },
      { head: room.say("what"), cell: (one) => room.say(`check_${one.name.replaceAll(" ", "_")}`) },
      { head: room.say("found"), cell: (one) => found(room, one) },
      { head: room.say("examples"), cell: (one) => examplesOf((one.examples ?? []).join(" · ")) },
    ],
  });

/** What a check found, in the words of the service, which are English. */
function found(room, { level, count, detail }) {
  const said = h("span", { lang: "en" }, detail);
  if (room.language === "en") return said;
  return [level === "PASS" ? room.say("fine") : room.say("to_look_at", { count: number(count) }), h("small.help", said)];
}

function refused(room, { id, report: told }) {
  const cells = (row) => Object.entries(row.cells).map(([name, cell]) => `${name}: ${cell ?? ""}`).join(" · ");
  return [
    h("h3", room.say("refused_of", { refused: number(told.refused), rows: number(told.rows) })),
    table({
      caption: room.say("refused_rows"),
      rows: told.first_refused,
      columns: [
        { head: room.say("row"), number: true, cell: (row) => number(row.row) },
        { head: room.say("why"), cell: (row) => h("span", { lang: "en" }, row.why) },
        { head: room.say("cells"), cell: (row) => examplesOf(cells(row)) },
      ],
    }),
    h("p", button(room.say("fetch_refused"), () => download(`/v1/imports/${id}/rejected`, `rejected-${id}.csv`))),
  ];
}

// ---------------------------------------------------------------- the import

function underWay(room, panel, draft) {
  setTimeout(() => panel.node.isConnected && panel.refresh(), LOOK_MS);
  const said = room.say("writing", { done: number(draft.done), total: number(draft.total) });
  return [steps(room, 2), h("p", { role: "status" }, said), h("progress", { max: Math.max(draft.total, 1), value: draft.done, "aria-label": said })];
}

function receipt(room, one) {
  const told = {
    events: [["new_events", one.accepted], ["known_events", one.duplicates], ["conflicts", one.conflicts]],
    items: [["written_items", one.items]],
    users: [["written_people", one.users]],
  }[one.kind];
  return [
    steps(room, 3),
    h("p", h("span.badge.good", room.say("imported")), " ", h("strong", one.name)),
    facts([
      ...told.map(([key, count]) => [room.say(key), number(count)]),
      [room.say("refused_rows"), number(one.refused)],
      [room.say("took"), duration(one.seconds)],
      ["SHA-256", h("code.hash", one.sha256)],
    ]),
    h("p.muted", room.say("receipt_note")),
    findings(room, one.findings),
    h("p.row", one.rejected && button(room.say("fetch_refused"), () => download(`/v1/imports/${one.id}/rejected`, `rejected-${one.id}.csv`)), room.link("data", {}, room.say("another"))),
  ];
}
