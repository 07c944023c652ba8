// Drawing: points in the colours of their kinds, and the marks of a person's taste over them.

const KINDS = 10; // with a colour of their own; all others share one
const POINT = 2.6; // pixels
const NEAR = 14; // pixels within which something is pointed at

/** The most frequent kinds of things, `kindOf` each, with a colour; the rest stands under null. */
export function coloursOf(items, kindOf) {
  const counts = new Map();
  for (const item of items) counts.set(kindOf(item), (counts.get(kindOf(item)) ?? 0) + 1);
  counts.delete(null);
  const first = [...counts].sort(([, one], [, other]) => other - one).slice(0, KINDS);
  return new Map(first.map(([kind], place) => [kind, `hsl(${Math.round((place * 360) / first.length + 170) % 360} var(--map-tone))`]));
}

/** The colours of the page as the canvas needs them, of light or of dark. */
export function paletteOf(node, colours) {
  const style = getComputedStyle(node);
  const named = (name) => style.getPropertyValue(name).trim();
  const tone = named("--map-tone");
  const kinds = new Map([...colours].map(([kind, colour]) => [kind, colour.replace("var(--map-tone)", tone)]));
  return { kinds, other: named("--soft"), ink: named("--ink"), card: named("--card"), liked: named("--accent"), listed: named("--like") };
}

/**
 * Everything, once. `points` are `{ place: [x, y], kind }`, `marks` are `{ place, mark: "history" | "vetoed" | "listed", rank }`,
 * `lit` the points that stand out, where there are any.
 */
export function draw(context, view, palette, points, marks, lit) {
  context.clearRect(0, 0, view.width, view.height);
  const size = POINT * Math.min(2.2, view.zoom ** 0.35);
  const faded = marks.length || lit.size;
  context.globalAlpha = faded ? 0.28 : 0.85;
  for (const kind of [null, ...palette.kinds.keys()]) {
    const own = points.filter((point) => (palette.kinds.has(point.kind) ? point.kind : null) === kind);
    dots(context, view, own, palette.kinds.get(kind) ?? palette.other, size);
  }
  context.globalAlpha = 1;
  dots(context, view, [...lit], palette.ink, size + 1.5);
  for (const mark of marks) DRAWN[mark.mark](context, view.toPixels(mark.place), palette, mark);
}

function dots(context, view, points, colour, size) {
  context.fillStyle = colour;
  context.beginPath();
  for (const point of points) {
    const [x, y] = view.toPixels(point.place);
    if (x < -size || y < -size || x > view.width + size || y > view.height + size) continue;
    context.moveTo(x + size, y);
    context.arc(x, y, size, 0, 2 * Math.PI);
  }
  context.fill();
}

const DRAWN = {
  history(context, [x, y], palette) {
    ring(context, x, y, 5.5, palette.card, palette.liked);
    disc(context, x, y, 5.5, palette.liked);
  },
  vetoed(context, [x, y], palette) {
    ring(context, x, y, 5, palette.card, palette.other);
    context.beginPath();
    context.moveTo(x - 3, y - 3);
    context.lineTo(x + 3, y + 3);
    context.stroke();
  },
  listed(context, [x, y], palette, { rank }) {
    disc(context, x, y, 9, palette.listed);
    context.fillStyle = palette.card;
    context.font = "600 10px sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(String(rank), x, y + 0.5);
  },
};

function disc(context, x, y, size, colour) {
  context.fillStyle = colour;
  context.beginPath();
  context.arc(x, y, size, 0, 2 * Math.PI);
  context.fill();
}

function ring(context, x, y, size, inside, colour) {
  disc(context, x, y, size + 1.5, inside);
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.beginPath();
  context.arc(x, y, size, 0, 2 * Math.PI);
  context.stroke();
}

/** The points nearest to a place, at most `count`, the nearest first. */
export function nearest(points, [x, y], count) {
  const apart = new Map(points.map((point) => [point, (point.place[0] - x) ** 2 + (point.place[1] - y) ** 2]));
  return [...points].sort((one, other) => apart.get(one) - apart.get(other)).slice(0, count);
}

/** The point under some pixels, if any is near enough. */
export function pointAt(points, view, pixels) {
  const [found] = points.length ? [closest(points, view.toPlace(pixels))] : [];
  if (!found) return null;
  const [x, y] = view.toPixels(found.place);
  return Math.hypot(x - pixels[0], y - pixels[1]) <= NEAR ? found : null;
}

function closest(points, [x, y]) {
  let best = null;
  let least = Infinity;
  for (const point of points) {
    const apart = (point.place[0] - x) ** 2 + (point.place[1] - y) ** 2;
    if (apart < least) [best, least] = [point, apart];
  }
  return best;
}
