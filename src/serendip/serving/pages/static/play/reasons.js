// The details of one item: what it is, and the reasons whose contributions add up to its score.

import { drawPicture } from "../faces.js";
import { tile } from "./cards.js";
import { factsOf, inWords, language, say, titleOf } from "../words.js";

const byId = (id) => document.getElementById(id);
const template = byId("cause-template");

/** Open the details of an item; `attributesFor(itemId)` resolves to what is known of a piece of evidence. */
export function openDetails(item, attributesFor) {
  drawPicture(byId("details-picture"), item.item_id, item.attributes);
  byId("details-title").textContent = titleOf(item.item_id, item.attributes);
  byId("details-facts").textContent = [factsOf(item.attributes), inWords(item.attributes, "brand")].filter(Boolean).join(" · ");
  byId("details-description").textContent = inWords(item.attributes, "description") ?? "";
  const causes = withRest(item);
  const write = inDigits(item.score);
  let start = 0;
  const span = spanOf(causes);
  byId("causes").replaceChildren(
    ...causes.map((cause) => {
      const row = causeRow(cause, write, attributesFor);
      placeBar(row.querySelector(".bar span"), start, cause.contribution, span);
      start += cause.contribution;
      return row;
    }),
  );
  byId("no-causes").hidden = causes.length > 0;
  byId("total").textContent = write(item.score);
  byId("details").showModal();
}

/** The reasons, and what they leave unexplained of the score. */
function withRest(item) {
  const reasons = item.reasons ?? [];
  const rest = item.score - reasons.reduce((sum, reason) => sum + reason.contribution, 0);
  const negligible = Math.abs(rest) <= 1e-3 * Math.max(Math.abs(item.score), 1e-9);
  return negligible ? reasons : [...reasons, { text: say("rest"), contribution: rest, evidence: [] }];
}

/** Three significant digits of the score, the same number of decimals for every part of it. */
function inDigits(score) {
  const decimals = score === 0 ? 2 : Math.min(8, Math.max(2, 2 - Math.floor(Math.log10(Math.abs(score)))));
  const format = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  return (value) => value.toLocaleString(language, format).replace("-", "−");
}

/** The lowest and highest point that the running sum reaches, zero included. */
function spanOf(causes) {
  let sum = 0;
  const points = [0, ...causes.map((cause) => (sum += cause.contribution))];
  return { low: Math.min(...points), high: Math.max(...points) };
}

function placeBar(bar, start, contribution, span) {
  const percent = 100 / (span.high - span.low || 1);
  bar.style.setProperty("margin-inline-start", `${(Math.min(start, start + contribution) - span.low) * percent}%`);
  bar.style.setProperty("width", `${Math.abs(contribution) * percent}%`);
  bar.classList.toggle("against", contribution < 0);
}

function causeRow(cause, write, attributesFor) {
  const row = template.content.firstElementChild.cloneNode(true);
  row.querySelector(".cause-text").textContent = cause.text;
  row.querySelector(".cause-value").textContent = (cause.contribution > 0 ? "+" : "") + write(cause.contribution);
  const evidence = row.querySelector(".evidence");
  for (const itemId of cause.evidence ?? []) {
    const place = evidence.appendChild(tile(itemId, null, ""));
    attributesFor(itemId).then((attributes) => place.replaceWith(tile(itemId, attributes, "")));
  }
  return row;
}
