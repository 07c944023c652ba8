// View: which part of the map is seen, and the hands that move it: mouse, wheel, fingers and keys.

const CLOSEST = 60; // times
const STEP = 60; // pixels that an arrow key moves
const SLACK = 5; // pixels that a click may move

/** From places within -1..1 to pixels; `width` and `height` are set by who draws. */
export class View {
  width = 1;
  height = 1;
  zoom = 1;
  middle = [0, 0];

  get unit() {
    return this.zoom * Math.min(this.width, this.height) * 0.46;
  }

  toPixels = ([x, y]) => [this.width / 2 + (x - this.middle[0]) * this.unit, this.height / 2 + (y - this.middle[1]) * this.unit];
  toPlace = ([px, py]) => [this.middle[0] + (px - this.width / 2) / this.unit, this.middle[1] + (py - this.height / 2) / this.unit];

  /** What lies under `at` (pixels) stays there. */
  zoomBy(factor, at = [this.width / 2, this.height / 2]) {
    const held = this.toPlace(at);
    this.zoom = Math.min(CLOSEST, Math.max(1, this.zoom * factor));
    const now = this.toPlace(at);
    this.moveTo([this.middle[0] + held[0] - now[0], this.middle[1] + held[1] - now[1]]);
  }

  moveBy(dx, dy) {
    this.moveTo([this.middle[0] - dx / this.unit, this.middle[1] - dy / this.unit]);
  }

  moveTo(place) {
    this.middle = place.map((value) => Math.min(1, Math.max(-1, value)));
  }

  reset() {
    this.zoom = 1;
    this.middle = [0, 0];
  }
}

const KEYS = {
  ArrowLeft: (view) => view.moveBy(STEP, 0),
  ArrowRight: (view) => view.moveBy(-STEP, 0),
  ArrowUp: (view) => view.moveBy(0, STEP),
  ArrowDown: (view) => view.moveBy(0, -STEP),
  "+": (view) => view.zoomBy(1.4),
  "=": (view) => view.zoomBy(1.4),
  "-": (view) => view.zoomBy(1 / 1.4),
  0: (view) => view.reset(),
};

/** Let hands move `view` over `canvas`: `moved()` after each change, `over(pixels or null)` while pointing, `picked(pixels)`. */
export function handle(canvas, view, { moved, over, picked }) {
  const fingers = new Map(); // where each pointer that is down was last
  let travelled = 0;
  const at = (event) => [event.offsetX, event.offsetY];

  canvas.addEventListener("keydown", (event) => {
    const act = !event.ctrlKey && !event.metaKey && !event.altKey && KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    act(view);
    moved();
  });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    view.zoomBy(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), at(event));
    moved();
  }, { passive: false });
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    if (!fingers.size) travelled = 0;
    fingers.set(event.pointerId, at(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return over(at(event));
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    const now = at(event);
    travelled += Math.hypot(now[0] - before[0], now[1] - before[1]);
    fingers.set(event.pointerId, now);
    if (other) pinch(view, before, now, other);
    else view.moveBy(now[0] - before[0], now[1] - before[1]);
    moved();
  });
  const lifted = (event) => {
    const was = fingers.delete(event.pointerId);
    if (was && event.type === "pointerup" && !fingers.size && travelled < SLACK) picked(at(event));
  };
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, lifted);
  canvas.addEventListener("pointerleave", () => over(null));
}

/** One finger moved from `before` to `now` while another stays: what lies between them grows, and follows. */
function pinch(view, before, now, other) {
  const apart = ([x, y]) => Math.max(1, Math.hypot(x - other[0], y - other[1]));
  view.moveBy((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
  view.zoomBy(apart(now) / apart(before), [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2]);
}
