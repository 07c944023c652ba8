// Charts: bars, lines and columns with the page's own colours. The figures stand beside them as text.

import { number } from "./format.js";
import { h, svg } from "./nodes.js";

const HUES = 6; // --hue-1 to --hue-6 in base.css
const WIDTH = 640;
const HEIGHT = 200;
const EDGE = { left: 52, right: 12, top: 10, bottom: 26 };

const hueAt = (place) => `var(--hue-${(place % HUES) + 1})`;

/**
 * One bar a row, from 0, with its interval where `low` and `high` are given:
 * `{ name, value, low, high, note, parts: [{ value, title }] }`; `parts` are stacked.
 */
export function bars({ rows, label, format = number }) {
  const ends = rows.flatMap((row) => [row.value, row.low, row.high]).filter(Number.isFinite);
  const least = Math.min(0, ...ends);
  const most = Math.max(0, ...ends);
  const at = (value) => `${((value - least) / (most - least || 1)) * 100}%`;
  const wide = (from, to) => `${(Math.abs(to - from) / (most - least || 1)) * 100}%`;
  return h("ul.bars", { "aria-label": label }, rows.map((row) => barRow(row, format, at, wide)));
}

function barRow(row, format, at, wide) {
  const parts = row.parts ?? [{ value: row.value ?? 0 }];
  let from = 0;
  const drawn = parts.filter((part) => part.value).map((part, place) => {
    const style = { left: at(Math.min(from, from + part.value)), width: wide(0, part.value), background: hueAt(part.hue ?? place) };
    from += part.value;
    return h("span.bar-part", { style, title: part.title });
  });
  const whisker = Number.isFinite(row.low) && h("span.whisker", { style: { left: at(row.low), width: wide(row.low, row.high) } });
  return h(
    "li.bar-row",
    h("span.bar-name", row.name),
    h("span.bar-track", { "aria-hidden": "true" }, drawn, whisker),
    h("span.bar-value", row.text ?? format(row.value), row.note && h("small", row.note)),
  );
}

/** What the colours of parts or lines mean. */
export const legend = (names) => h("ul.legend", names.map((name, place) => h("li", h("span.swatch", { style: { background: hueAt(place) } }), name)));

/**
 * Lines over a shared axis: `series: [{ name, points: [[x, y], ...], low: [[x, y]], high: [[x, y]] }]`; `x` and `y` write
 * the numbers of the axes.
 */
export function lines({ series, label, x = number, y = number }) {
  const points = series.flatMap((one) => [...one.points, ...(one.low ?? []), ...(one.high ?? [])]);
  if (!points.length) return null;
  const scale = scaleOf(points, HEIGHT);
  const path = (of) => of.map(([px, py], place) => `${place ? "L" : "M"}${scale.x(px)} ${scale.y(py)}`).join("");
  const band = (one) => one.low?.length && svg("path", { d: `${path(one.high)}${path([...one.low].reverse()).replace("M", "L")}Z`, class: "band" });
  const drawn = series.map((one, place) =>
    svg("g", { style: { "--hue": hueAt(place) } }, band(one), svg("path", { d: path(one.points), class: "line" }), one.points.length < 40 && one.points.map(([px, py]) => svg("circle", { cx: scale.x(px), cy: scale.y(py), r: 2.5 }, svg("title", `${x(px)}: ${y(py)}`)))),
  );
  return h(
    "figure.chart",
    svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label }, axes(scale, x, y), drawn),
    series.length > 1 && legend(series.map((one) => one.name)),
  );
}

function scaleOf(points, height) {
  const xs = points.map(([px]) => px);
  const ys = points.map(([, py]) => py);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const floor = Math.min(...ys) >= 0 && Math.min(...ys) < 0.6 * Math.max(...ys) ? 0 : Math.min(...ys);
  const roof = Math.max(...ys) === floor ? floor + 1 : Math.max(...ys);
  return {
    x: (px) => Math.round(10 * (EDGE.left + ((px - left) / (right - left || 1)) * (WIDTH - EDGE.left - EDGE.right))) / 10,
    y: (py) => Math.round(10 * (height - EDGE.bottom - ((py - floor) / (roof - floor)) * (height - EDGE.top - EDGE.bottom))) / 10,
    xs: right === left ? [left] : [left, (left + right) / 2, right],
    ys: [floor, (floor + roof) / 2, roof],
  };
}

function axes(scale, x, y) {
  const anchor = (place, count) => (count === 1 || (place > 0 && place < count - 1) ? "middle" : place ? "end" : "start");
  return svg(
    "g",
    { class: "axes", "aria-hidden": "true" },
    scale.ys.map((py) => [
      svg("line", { x1: EDGE.left, x2: WIDTH - EDGE.right, y1: scale.y(py), y2: scale.y(py) }),
      svg("text", { x: EDGE.left - 6, y: scale.y(py) + 4, "text-anchor": "end" }, y(py)),
    ]),
    scale.xs.map((px, place) => svg("text", { x: scale.x(px), y: HEIGHT - 6, "text-anchor": anchor(place, scale.xs.length) }, x(px))),
  );
}

/** A histogram: one column a row, `{ name, value }`; every row can be read, every `ticks`-th is named below. */
export function columns({ rows, label, format = number, ticks = Math.ceil(rows.length / 8) }) {
  const most = Math.max(...rows.map((row) => row.value), 0) || 1;
  return h(
    "ul.columns",
    { "aria-label": label },
    rows.map((row, place) =>
      h(
        "li",
        { title: `${row.name}: ${format(row.value)}` },
        h("span.column", { "aria-hidden": "true", style: { height: `${(row.value / most) * 100}%` } }),
        h(place % ticks ? "span.unseen" : "span.column-name", row.name, h("span.unseen", `: ${format(row.value)}`)),
      ),
    ),
  );
}
