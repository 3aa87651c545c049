// How far a car has come: a line of steps.

import { el } from "./dom.js";
import { find, label } from "./labels.js";

const TRACKS = {
  maintenance: ["booked", "checked_in", "inspecting", "working", "checking", "settling", "ready"],
  rescue: ["dispatching", "dispatched", "on_the_way", "arrived"],
};
// Steps that not every car takes: shown only while it stands there, after the one they follow.
const DETOURS = { quoting: "inspecting", waiting_parts: "inspecting" };

function trackOf(kind, step) {
  const track = TRACKS[kind] ?? [];
  if (!(step in DETOURS)) return track;
  const at = track.indexOf(DETOURS[step]) + 1;
  return at ? [...track.slice(0, at), step, ...track.slice(at)] : track;
}

function state(i, now) {
  if (i === now) return "now";
  return i < now ? "done" : "next";
}

/** Return the steps of a booking of this kind as a line; null where there is none to draw. */
export function drawProgress(kind, step) {
  const track = trackOf(kind, step);
  const now = track.indexOf(step);
  if (now < 0) return null;
  return el(
    "ol", { class: "progress", "aria-label": label("cards.fields.progress") },
    track.map((one, i) => el(
      "li", { "data-state": state(i, now), "aria-current": i === now ? "step" : null },
      el("span", {}, find("cards.track")?.[one] ?? one),
      i < now ? el("span", { class: "quiet" }, label("cards.passed")) : null,
    )),
  );
}
