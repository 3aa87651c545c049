// <day-list>: the same day as a list: by how each booking stands, then who works when.

import { el } from "./shared/dom.js";
import { day as dayOf } from "./shared/times.js";
import { factsOf, packsOf, stopText } from "./service_lanes.js";
import { called, flagsOf, groupOf, hours, matches, plateOf, say, stepOf, toneOf, workOf } from "./service_words.js";

const GROUPS = ["broken", "waiting", "ready", "inside", "expected", "over"];

/** Emits "chosen" {id}. */
export class DayList extends HTMLElement {
  #shown = "";
  #opened = false;

  /** Show a day with one booking chosen, and of it what fits the filter. */
  show(day, chosen, filter, minute) {
    const state = JSON.stringify([day && { ...day, now: null }, chosen, filter, minute]);
    if (state === this.#shown) return;
    this.#shown = state;
    const held = this.contains(document.activeElement) ? document.activeElement.dataset.id : null;
    this.#opened = this.querySelector("details")?.open ?? this.#opened;
    this.replaceChildren(...(day ? [...this.#groups(day, chosen, filter), this.#lanes(day)] : []));
    if (held) this.focusOn(held);
  }

  #groups(day, chosen, filter) {
    return GROUPS.flatMap((group) => {
      const rows = day.bookings.filter((one) => groupOf(one) === group && matches(one, filter));
      if (!rows.length) return [];
      return [el(
        "section", {},
        el("h2", {}, called("groups", group), el("span", { class: "count" }, rows.length)),
        el("ul", {}, rows.map((booking) => el("li", {}, this.#row(day, booking, chosen)))),
      )];
    });
  }

  #row(day, booking, chosen) {
    const worker = day.lanes.find((lane) => lane.id === booking.technician_id);
    const earlier = booking.start.slice(0, 10) !== day.day;
    const journeys = day.journeys.filter((one) => one.booking_id === booking.id)
      .map((one) => `${called("legs", one.leg)} ${hours(one.start, one.end)} ${called("journey_statuses", one.status)}`);
    const flags = [...flagsOf(booking), ...journeys];
    return el(
      "button", {
        type: "button", class: "row", "data-id": booking.id, "data-tone": toneOf(booking), "aria-current": String(booking.id === chosen),
        onclick: () => this.dispatchEvent(new CustomEvent("chosen", { detail: booking.id })),
      },
      el("span", { class: "when" }, earlier ? say("since", { day: dayOf(booking.start) }) : hours(booking.start, booking.end)),
      el("span", { class: "step" }, stepOf(booking)),
      el("span", { class: "whose" }, el("strong", {}, booking.customer), ` ${[plateOf(booking.vehicle), booking.vehicle?.model].filter(Boolean).join(" ")}`),
      el("span", { class: "work" }, [workOf(booking), worker?.label].filter(Boolean).join(" · ")),
      flags.length ? el("span", { class: "flags" }, flags.map((flag) => el("span", { class: "flag" }, flag))) : null,
    );
  }

  #lanes(day) {
    const rows = day.lanes.filter((lane) => lane.kind !== "pack").map((lane) => {
      const stops = day.closures.filter((one) => !one.resource_id || one.resource_id === lane.id).map(stopText);
      const facts = [factsOf(day, lane), ...stops].filter(Boolean).join(" · ");
      return el("li", {}, el("strong", {}, lane.label), facts ? ` ${facts}` : "");
    });
    const packs = packsOf(day).map(({ name, lanes }) => {
      const locked = day.bookings.flatMap((booking) => booking.holds
        .filter((hold) => lanes.some((lane) => lane.id === hold.lane))
        .map((hold) => `${lanes.find((lane) => lane.id === hold.lane).label} ${hours(hold.start, hold.end)} ${stepOf(booking)}`));
      return el("li", {}, el("strong", {}, name), locked.length ? ` ${locked.join("；")}` : "");
    });
    return el("details", { open: this.#opened }, el("summary", {}, say("who_and_what")), el("ul", {}, rows, packs));
  }

  /** Return the id of the booking under the focus. */
  get focused() {
    return document.activeElement?.closest?.("day-list .row")?.dataset.id ?? null;
  }

  /** Put the focus on a booking. */
  focusOn(id) {
    const row = this.querySelector(`.row[data-id="${CSS.escape(id)}"]`);
    row?.focus();
    return Boolean(row);
  }
}

customElements.define("day-list", DayList);
