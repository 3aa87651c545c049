// What the workshop's page calls things, and how a booking stands.

import { label, named } from "./shared/labels.js";
import { hour, now } from "./shared/times.js";

const WAITING = new Set(["quoting", "waiting_parts"]);
const LATE_AFTER = 10;

/** Return a word of the workshop's page. */
export const say = (path, values) => label(`service.${path}`, values);

/** Return what a code is called in a group of the workshop's page. */
export const called = (group, code) => named(`service.${group}`, code);

/** Return the step as people say it; an ended booking is told by its status. */
export function stepOf(booking) {
  return called("steps", codeOf(booking));
}

/** Return the step in one character. */
export function markOf(booking) {
  return called("marks", codeOf(booking));
}

function codeOf({ status, step }) {
  return ["cancelled", "no_show", "done"].includes(status) ? status : step;
}

/** Return which of the board's groups a booking stands in. */
export function groupOf({ status, step }) {
  if (["cancelled", "no_show", "done"].includes(status)) return "over";
  if (step === "broken") return "broken";
  if (step === "ready") return "ready";
  if (WAITING.has(step)) return "waiting";
  return status === "in_progress" ? "inside" : "expected";
}

/** Return how a booking is coloured; the word stands beside it always. */
export function toneOf(booking) {
  const group = groupOf(booking);
  return group === "over" && booking.status !== "done" ? "off" : group;
}

/** Return what is to be done: the services, else the kind of booking. */
export function workOf(booking) {
  return booking.names.length ? booking.names.join("、") : named("cards.kinds", booking.kind);
}

/** Return a plate as it is painted: 沪A·***51. */
export function plateOf(vehicle) {
  return vehicle?.plate.replace(/^([^\x00-\x7f][A-Z])(?=[A-Z\d*]{5,6}$)/, "$1·") ?? "";
}

/** Return by how many minutes an owner is late; 0 if that is nothing yet. */
export function lateBy(booking) {
  if (groupOf(booking) !== "expected" || booking.step !== "booked") return 0;
  const minutes = Math.floor((now() - new Date(booking.start).getTime()) / 60_000);
  return minutes > LATE_AFTER ? minutes : 0;
}

/** Return what a booking waits for or asks attention for, each in a few words. */
export function flagsOf(booking) {
  const over = groupOf(booking) === "over";
  const late = lateBy(booking);
  return [
    late ? say("late", { minutes: late }) : null,
    booking.asked && !over ? say("asked") : null,
    booking.parts_at ? say("parts_at", { time: hour(booking.parts_at) }) : null,
    booking.ready_at && !over && booking.step !== "ready" ? say("ready_at", { time: hour(booking.ready_at) }) : null,
    booking.lock_until && booking.step === "locked" ? say("lock_until", { time: hour(booking.lock_until) }) : null,
    booking.mode === "in_store" || booking.mode === "station" ? null : named("cards.modes", booking.mode),
    booking.person_asked ? say("person_asked") : null,
  ].filter(Boolean);
}

/** Return a span of hours: 09:00–10:30; midnight at its end is 24:00. */
export function hours(start, end) {
  const to = hour(end);
  return say("at", { start: hour(start), end: to === "00:00" ? "24:00" : to });
}

/** Say whether a booking is the one that somebody looks for. */
export function matches(booking, text) {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return true;
  const told = [booking.customer, booking.reference, booking.vehicle?.plate, booking.vehicle?.model, ...booking.names];
  return told.some((one) => one?.toLowerCase().includes(wanted));
}
