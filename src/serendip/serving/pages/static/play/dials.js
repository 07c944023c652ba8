// Dials: sliders that leave a matter to the recipe until somebody touches them.

const byId = (id) => document.getElementById(id);

/** The dial `name`; its value from its lowest to its highest as -1..1 or 0..1, undefined while it is automatic. */
export function dial(name, changed) {
  const slider = byId(name);
  const automatic = byId(`${name}-automatic`);
  const set = (untouched) => {
    slider.classList.toggle("untouched", untouched);
    automatic.setAttribute("aria-pressed", String(untouched));
  };
  slider.addEventListener("input", () => set(false));
  slider.addEventListener("change", changed);
  automatic.addEventListener("click", () => {
    set(true);
    changed();
  });
  return () => (slider.classList.contains("untouched") ? undefined : Number(slider.value) / 100);
}
