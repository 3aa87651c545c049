// What can be done with a booking, and the dialogs that ask for what it needs.

import { el } from "./shared/dom.js";
import { find, label } from "./shared/labels.js";
import { moment, now, span } from "./shared/times.js";
import { ask } from "./service_ask.js";
import { stopText } from "./service_lanes.js";
import { QuoteLines } from "./service_quote.js";
import { forField, fromField, nextQuarter } from "./service_time.js";
import { called, hours, say, workOf } from "./service_words.js";

const OWN_DIALOG = new Set(["waiting_parts", "ready"]);
export const KEYS = { check_in: "c", step: "n", quote: "q", waiting_parts: "w", ready: "y", finish: "f", move: "m", no_show: "x", cancel: "d" };

/** Return what can be done now: [{name, more, text, key, primary}]; what comes next is first. */
export function buttonsOf(booking) {
  const found = [];
  const add = (name, text, more) => found.push({ name, more, text, key: found.some((one) => one.name === name) ? null : KEYS[name] });
  const [next, ...others] = booking.next;
  if (booking.may.includes("check_in")) add("check_in", say("do.check_in"));
  if (next) add(OWN_DIALOG.has(next) ? next : "step", OWN_DIALOG.has(next) ? say(`do.${next}`) : say("do.step", { step: called("steps", next) }), next);
  if (booking.may.includes("finish")) add("finish", say("do.finish"));
  if (booking.may.includes("quote")) add("quote", say("do.quote"));
  for (const step of others) add(OWN_DIALOG.has(step) ? step : "step", OWN_DIALOG.has(step) ? say(`do.${step}`) : say("do.other_step", { step: called("steps", step) }), step);
  for (const name of ["move", "no_show", "cancel"]) if (booking.may.includes(name)) add(name, say(`do.${name}`));
  return found.map((one, i) => ({ ...one, primary: i === 0 && !["move", "no_show", "cancel", "quote"].includes(one.name) }));
}

const about = (booking) => say("ask.about", { name: booking.customer || booking.reference, what: workOf(booking), time: span(booking.start, booking.end) });
const known = (value) => (value === null ? "" : say("ask.known", { value }));
const some = (text) => text || null;
const numbers = ({ mileage_km, soc }) => ({ mileage_km: mileage_km ? Number(mileage_km) : null, soc: soc ? Number(soc) : null });

/** Return how a technician stands in a stretch of the day that is shown. */
function standing(day, lane, start, length) {
  const from = Date.parse(start);
  if (!day || Number.isNaN(from) || !start.startsWith(day.day)) return null;
  const to = from + length;
  const meets = (one) => Date.parse(one.start) < to && Date.parse(one.end) > from;
  if (lane.shifts && !lane.shifts.some((one) => Date.parse(one.start) <= from && Date.parse(one.end) >= to)) return say("ask.off_shift");
  const busy = day.bookings.some((one) => one.holds.some((hold) => hold.lane === lane.id && meets(hold)));
  return say(busy ? "ask.busy" : "ask.free");
}

function technicians(booking, day, form) {
  const select = form.elements.technician_id;
  const start = fromField(form.elements.start.value);
  const length = Date.parse(booking.end) - Date.parse(booking.start);
  const wanted = select.value;
  const lanes = day?.place.id === booking.place?.id ? day.lanes.filter((lane) => lane.kind === "technician") : [];
  select.closest("label").hidden = !lanes.length;
  select.replaceChildren(el("option", { value: "" }, say("ask.same")), ...lanes.map((lane) => el(
    "option", { value: lane.id }, [lane.label, start && lane.id !== booking.technician_id ? standing(day, lane, start, length) : null].filter(Boolean).join(" · "),
  )));
  select.value = wanted;
}

/** The actions, each asking in its dialog; `board` takes what came of it, `told(text)` says so. */
export class Acts {
  #api;
  #board;
  #told;

  constructor(api, board, told) {
    this.#api = api;
    this.#board = board;
    this.#told = told;
    this.lines = new QuoteLines(document.getElementById("quote"));
  }

  async #ask(id, name, options, values = {}) {
    let became = null;
    const done = await ask(id, { ...options, send: async (body) => { became = await options.send(body); } });
    if (!done) return;
    this.#told(say(`done.${name}`, values));
    await this.#board.became(became);
  }

  /** Do `name` with a booking, after its dialog; `more` is the step, quote or journey. */
  async act(name, booking, more = null) {
    const on = (what, body) => this.#api.act(booking.id, what, body);
    const base = { subject: booking.id, about: about(booking) };
    switch (name) {
      case "check_in":
        return this.#ask("check-in", name, { ...base, hints: { mileage_km: known(booking.mileage_km), soc: known(booking.soc) }, send: (it) => on("check-in", { ...it, ...numbers(it), note: some(it.note) }) });
      case "step":
        return this.#ask("step", name, {
          ...base, subject: `${booking.id}.${more}`, title: say("ask.progress", { step: called("steps", more) }),
          send: (it) => on("progress", { ...it, note: some(it.note), step: more }),
        }, { step: called("steps", more) });
      case "waiting_parts":
        return this.#ask("waiting-parts", name, { ...base, send: (it) => on("progress", { ...it, step: "waiting_parts", part_expected_at: fromField(it.part_expected_at) }) });
      case "ready":
        return this.#ask("ready", name, { ...base, send: (it) => on("progress", { ...it, step: "ready", note: some(it.note), ready_at: fromField(it.ready_at) }) });
      case "quote":
        return this.#ask("quote", name, { ...base, rows: this.lines, send: (it) => on("quote", { ...it, note: some(it.note) }) });
      case "finish":
        return this.#ask("finish", name, { ...base, send: (it) => on("finish", { ...it, note: some(it.note) }) });
      case "no_show":
        return this.#ask("no-show", name, { ...base, send: (it) => on("no-show", it) });
      case "cancel":
        return this.#ask("cancel", name, { ...base, send: (it) => on("cancel", it) });
      case "move":
        return this.#move(name, booking, base, on);
      case "withdraw":
        return this.#ask("withdraw", name, { ...base, subject: more, send: (it) => this.#api.withdraw(more, it) });
      case "set_off":
      case "arrive":
        return this.#ask(name.replace("_", "-"), name, { ...base, subject: more, send: (it) => this.#api.travel(more, name.replace("_", "-"), it) });
      case "hand_over":
        return this.#ask("hand-over", name, {
          ...base, subject: more, title: say("ask.hand_over", { leg: called("legs", booking.journeys.find((one) => one.id === more).leg) }),
          send: (it) => this.#api.travel(more, "hand-over", { ...it, ...numbers(it), code: some(it.code), belongings: some(it.belongings) }),
        });
      default:
        throw new Error(name);
    }
  }

  #move(name, booking, base, on) {
    return this.#ask("move", name, {
      ...base, begin: { start: forField(booking.start), technician_id: "" },
      prepare: (form) => technicians(booking, this.#board.day, form),
      changed: (form) => technicians(booking, this.#board.day, form),
      instead: (error, form) => (error.details?.alternatives ?? []).map(({ start }) => el("button", {
        type: "button", class: "small", onclick: () => {
          form.elements.start.value = forField(start);
          form.dispatchEvent(new Event("input"));
        },
      }, moment(start))),
      send: (it) => on("move", { ...it, start: fromField(it.start), technician_id: some(it.technician_id) }),
    });
  }

  /** Note that a place, or one thing of it, cannot be used. */
  close() {
    const { day } = this.#board;
    if (!day) return null;
    const dialog = document.getElementById("close-place");
    const { resource_id: lanes, reason } = dialog.querySelector("form").elements;
    lanes.replaceChildren(el("option", { value: "" }, say("ask.whole")), ...day.lanes.map((lane) => el("option", { value: lane.id }, lane.label)));
    reason.replaceChildren(...Object.entries(find("service.reasons")).map(([code, text]) => el("option", { value: code }, text)));
    const first = Math.max(now(), Date.parse(day.hours[0]?.start ?? day.drawn.start));
    return this.#ask("close-place", "close", {
      subject: `${day.place.id}.${day.day}`,
      begin: { start: forField(nextQuarter(first)), end: forField(nextQuarter(first + 3_600_000)) },
      changed: (form) => { dialog.querySelector("[data-part=affected]").textContent = this.#affected(day, form); },
      send: (it) => this.#api.close({
        ...it, place_id: day.place.id, resource_id: some(it.resource_id), note: some(it.note), start: fromField(it.start), end: fromField(it.end),
      }),
    });
  }

  // Said before it is done: whose booking this breaks.
  #affected(day, form) {
    const [from, to] = [Date.parse(fromField(form.elements.start.value)), Date.parse(fromField(form.elements.end.value))];
    if (Number.isNaN(from) || Number.isNaN(to)) return "";
    const lane = form.elements.resource_id.value;
    const hit = day.bookings.filter((one) => ["confirmed", "in_progress"].includes(one.status) && (lane
      ? one.holds.some((hold) => hold.lane === lane && Date.parse(hold.start) < to && Date.parse(hold.end) > from)
      : Date.parse(one.start) < to && Date.parse(one.end) > from));
    if (!hit.length) return say("ask.affected_none");
    const names = hit.slice(0, 5).map((one) => `${one.customer} ${hours(one.start, one.end)}`).join("、");
    return say("ask.affected", { count: hit.length, names });
  }

  /** Say that it can be used again. */
  lift(closure) {
    const { day } = this.#board;
    const lane = day.lanes.find((one) => one.id === closure.resource_id);
    const what = `${lane?.label ?? say("place_itself")} ${stopText(closure)}`;
    return this.#ask("lift", "lift", { subject: closure.id, about: say("ask.lift", { what }), send: (it) => this.#api.lift(closure.id, it) });
  }
}

/** Return what is said when something failed. */
export const why = (error) => error.message || label("offline");
