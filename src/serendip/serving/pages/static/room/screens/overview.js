// Overview: is all well, and what should somebody look at?

import { h } from "../nodes.js";

export function screen(room) {
  return [room.panel("alerts", (panel) => alerts(room, panel), { every: 10 })];
}

async function alerts(room, panel) {
  const { data } = await panel.get("/v1/alerts");
  if (!data.length) return h("p", h("span.badge.good", room.say("all_well")));
  return h("ul", data.map((alert) => h("li.notice.degraded", alert.detail)));
}
