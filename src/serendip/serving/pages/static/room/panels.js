// Panels: one question to the service and its answer, which may be asked again, with the calls behind it.

import { Problem, call, curl } from "../api.js";
import { say } from "../words.js";
import { sentence } from "./forms.js";
import { h } from "./nodes.js";

export const AGAIN_MS = 2000; // a service that does not answer is asked again after so long

/**
 * A heading (`title`) and what `load(panel)` resolves to: a node or a list of them. `every`: seconds between readings;
 * `wide`: it takes the whole width; `left`: an AbortSignal, after which nothing more is asked.
 */
export function panel(title, load, { every = 0, wide = false, left } = {}) {
  const calls = [];
  const body = h("div.panel-body", { "aria-busy": "true" }, h("p.muted", say("loading")));
  const commands = h("pre", { tabindex: "0", "aria-label": say("calls_of", { what: title }) });
  const drawer = h("details.calls", h("summary", { "aria-label": say("calls_of", { what: title }) }, say("calls")));
  const node = h("section.panel", { class: wide ? "wide" : null, "aria-label": title }, h("header", h("h2", title), drawer), h("div.commands", { hidden: true }, commands), body);
  drawer.addEventListener("toggle", () => (commands.parentElement.hidden = !drawer.open));

  const send = (method, path, sent) => {
    const command = curl(path, sent, method);
    if (!calls.includes(command)) calls.push(command);
    commands.textContent = calls.join("\n\n");
    return method === "GET" ? shared(path) : call(path, sent, method);
  };
  const own = { get: (path) => send("GET", path), send, refresh: () => read(true), node };

  async function read(asked) {
    if (left?.aborted || (!asked && isBusy(body))) return;
    if (asked) body.setAttribute("aria-busy", "true");
    calls.length = 0;
    try {
      const shown = await load(own);
      if (!left?.aborted) body.replaceChildren(...[shown].flat().filter(Boolean));
    } catch (problem) {
      if (left?.aborted) return;
      body.replaceChildren(h("p.notice.problem", sentence(problem), retry()));
      if (problem instanceof Problem && !problem.status) setTimeout(read, AGAIN_MS, true);
    } finally {
      body.setAttribute("aria-busy", "false");
    }
  }

  const retry = () => h("button.plain", { type: "button", onclick: () => read(true) }, say("retry"));
  if (every) {
    const timer = setInterval(read, every * 1000, false);
    left?.addEventListener("abort", () => clearInterval(timer));
  }
  read(true);
  return node;
}

const underWay = new Map(); // path -> the answer that is awaited: panels that ask alike at once share it

function shared(path) {
  if (!underWay.has(path)) underWay.set(path, call(path).finally(() => underWay.delete(path)));
  return underWay.get(path);
}

/** Nobody sees it, or somebody is at work in it: then it is not read again by itself. */
const isBusy = (body) => document.hidden || body.contains(document.activeElement);
