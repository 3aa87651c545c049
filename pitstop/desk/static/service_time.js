// Days and moments of the workshop's page: Shanghai's, whatever zone the browser is in.

import { find } from "./shared/labels.js";
import { now } from "./shared/times.js";

const SHANGHAI = 8 * 3_600_000; // no summer time
const DAY = 86_400_000;

/** Return today as 2026-11-23. */
export function today() {
  return new Date(now() + SHANGHAI).toISOString().slice(0, 10);
}

/** Return the day so many days later. */
export function moved(day, by) {
  return new Date(Date.parse(`${day}T00:00Z`) + by * DAY).toISOString().slice(0, 10);
}

/** Return the name of the day in its week. */
export function weekday(day) {
  return find("times.weekdays")[new Date(`${day}T00:00Z`).getUTCDay()];
}

/** Return a moment as a field for day and time takes it. */
export function forField(iso) {
  return iso ? new Date(Date.parse(iso) + SHANGHAI).toISOString().slice(0, 16) : "";
}

/** Return what such a field holds as the API takes it; null for nothing. */
export function fromField(value) {
  return value ? `${value.slice(0, 16)}:00+08:00` : null;
}

/** Return the next whole quarter after a moment in milliseconds. */
export function nextQuarter(moment) {
  return new Date(Math.ceil(moment / 900_000) * 900_000).toISOString();
}
