// Format: numbers, shares and moments as the reader writes them.

import { language, say } from "../words.js";

const NONE = "–";
const known = (value) => value !== null && value !== undefined && !Number.isNaN(value);

/** A count or a measure: whole numbers whole, others with three significant digits. */
export function number(value) {
  if (!known(value)) return NONE;
  const digits = Number.isInteger(value) || Math.abs(value) >= 1000 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 };
  return value.toLocaleString(language, digits).replace("-", "−");
}

/** A share of 1, as percent. */
export function percent(value) {
  if (!known(value)) return NONE;
  const small = value !== 0 && Math.abs(value) < 0.1;
  return value.toLocaleString(language, { style: "percent", maximumFractionDigits: small ? 2 : 1 }).replace("-", "−");
}

/** A mean and its interval: `0.21 [0.18, 0.24]`; the mean alone where there is none. */
export function interval({ mean, low, high }, write = number) {
  return known(low) && known(high) ? `${write(mean)} [${write(low)}, ${write(high)}]` : write(mean);
}

export function milliseconds(value) {
  if (!known(value)) return NONE;
  return value >= 1000 ? duration(value / 1000) : `${number(value < 10 ? Number(value.toFixed(1)) : Math.round(value))} ms`;
}

const UNITS = [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];

/** Seconds in the largest unit that fits. */
export function duration(seconds) {
  if (!known(seconds)) return NONE;
  const [unit, size] = UNITS.find(([, each]) => seconds >= each) ?? UNITS.at(-1);
  const value = seconds / size;
  const digits = { maximumFractionDigits: value < 10 && unit !== "second" ? 1 : value < 10 ? 2 : 0 };
  return value.toLocaleString(language, { style: "unit", unit, unitDisplay: "long", ...digits });
}

/** How long ago a moment (RFC 3339, or milliseconds) is; null is nothing. */
export function ago(moment) {
  if (!known(moment)) return NONE;
  const seconds = (Date.now() - new Date(moment).getTime()) / 1000;
  return seconds < 1 ? say("just_now") : say("ago", { what: duration(Math.floor(seconds)) });
}

/** A moment as date and time. */
export function moment(of) {
  if (!known(of)) return NONE;
  return new Date(of).toLocaleString(language, { dateStyle: "medium", timeStyle: "short" });
}

/** Bytes in the largest unit that fits. */
export function bytes(value) {
  if (!known(value)) return NONE;
  const power = value < 1 ? 0 : Math.min(4, Math.floor(Math.log10(value) / 3));
  return `${number(Number((value / 1000 ** power).toPrecision(3)))} ${["B", "kB", "MB", "GB", "TB"][power]}`;
}
