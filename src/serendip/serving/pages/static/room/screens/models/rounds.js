// Rounds: what came of training, the latest first.

import { bytes, duration, interval, moment } from "../../format.js";
import { table } from "../../tables.js";
import { outcome } from "./training.js";

const MB = 1e6;

export function rounds(room, all) {
  return table({
    caption: room.say("rounds"),
    empty: room.say("no_rounds"),
    columns: [
      { head: room.say("began"), cell: (one) => moment(one.started_at) },
      { head: room.say("outcome"), cell: (one) => outcome(room, one.outcome) },
      { head: room.say("because"), cell: (one) => one.why },
      { head: room.say("gain"), cell: (one) => (one.verdict ? interval(one.verdict.difference) : "–"), number: true },
      { head: room.say("took"), cell: (one) => duration(one.seconds), number: true },
      { head: room.say("memory"), cell: (one) => (one.peak_mb === null ? "–" : bytes(one.peak_mb * MB)), number: true },
    ],
    rows: [...all].reverse(),
  });
}
