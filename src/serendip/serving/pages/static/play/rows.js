// Rows that scroll sideways: one stop for the Tab key, and the arrows walk from one thing to the next.

/** From now on the keyboard walks `row`; what is put into it later is told to `hold`. */
export function walkable(row) {
  row.addEventListener("keydown", (event) => walk(event, row));
  row.addEventListener("focusin", ({ target }) => hold(row, [...row.children].find((each) => each.contains(target))));
}

/** The buttons of one child of a row are on the way of the Tab key: of `held`, else of the one that was, else of the first. */
export function hold(row, held = row.querySelector("[data-held]") ?? row.firstElementChild) {
  for (const each of row.children) {
    each.toggleAttribute("data-held", each === held);
    for (const button of each.querySelectorAll("button")) button.tabIndex = each === held ? 0 : -1;
  }
}

const STEPS = {
  ArrowLeft: (from) => from.previousElementSibling,
  ArrowRight: (from) => from.nextElementSibling,
  Home: (_, row) => row.firstElementChild,
  End: (_, row) => row.lastElementChild,
};

function walk(event, row) {
  const from = [...row.children].find((each) => each.contains(event.target));
  if (!from || !Object.hasOwn(STEPS, event.key)) return;
  event.preventDefault();
  const at = [...from.querySelectorAll("button")].indexOf(event.target);
  const buttons = STEPS[event.key](from, row)?.querySelectorAll("button") ?? [];
  (buttons[at]?.hidden ? buttons[0] : buttons[at])?.focus();
}
