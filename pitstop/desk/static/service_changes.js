// What was done to a booking, line by line: who, when, and what it was before.

import { el } from "./shared/dom.js";
import { find, label } from "./shared/labels.js";
import { mark, moment } from "./shared/times.js";
import { say } from "./service_words.js";

// What a change says by its name already, or what means nothing to people.
const UNSAID = new Set(["status", "step", "place_id", "end", "service", "services", "mode", "technician_id"]);
const MOMENTS = new Set(["start", "ready_at", "part_expected_at", "lock_until"]);

function shown(field, value) {
  if (MOMENTS.has(field)) return moment(value);
  if (field === "price") return label("cards.yuan", { amount: String(value).replace(/\.00$/, "") });
  if (field === "mileage_km") return label("cards.km", { km: value });
  if (field === "soc") return label("cards.percent", { value });
  return String(value);
}

function details({ before, after }) {
  return Object.entries(after).flatMap(([field, to]) => {
    const name = find("service.fields")?.[field];
    const from = before[field];
    if (UNSAID.has(field) || !name || to === null || to === "" || from === to || typeof to === "object") return [];
    if (from === undefined && field === "start") return [];
    if (from === undefined || from === null) return [say("is", { name, to: shown(field, to) })];
    return [say("becomes", { name, from: shown(field, from), to: shown(field, to) })];
  });
}

/** Return what a change is called: its own name, else the step that it led to. */
function nameOf(change) {
  return find("service.changes")?.[change.change] ?? find("service.steps")?.[change.change] ?? change.change;
}

/** Return the changes of a booking as a list, the newest first. */
export function changesOf({ changes }) {
  if (!changes.length) return el("p", { class: "muted" }, say("panel.no_changes"));
  return el("ol", { class: "changes" }, [...changes].reverse().map((change) => el(
    "li", {},
    el("p", { class: "head" }, el("strong", {}, nameOf(change)), el("span", { class: "muted" }, change.who === "system" ? say("system") : change.who), el("time", { datetime: change.created_at }, mark(change.created_at))),
    ...details(change).map((line) => el("p", { class: "muted" }, line)),
  )));
}
