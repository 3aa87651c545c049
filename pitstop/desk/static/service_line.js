// <day-line>: a place's day, drawn. A lane for each thing that bookings take; the same booking
// stands in the lanes of all that it takes.

import { el } from "./shared/dom.js";
import { hour, now } from "./shared/times.js";
import { tracksOf } from "./service_lanes.js";
import { called, flagsOf, hours, markOf, matches, plateOf, say, stepOf, toneOf, workOf } from "./service_words.js";

const HOUR = 3_600_000;
const NARROWEST = { store: 100, station: 96 }; // px an hour: a swap's quarter holds its mark
const ROOM = { inside: 46, beside: 66 }; // px that a block's words need
const ROW = { tall: 46, low: 28, empty: 38 };
const TICK = 20_000;

/** Emits "chosen" {id}. */
export class DayLine extends HTMLElement {
  #day = null;
  #chosen = null;
  #filter = "";
  #shown = "";
  #width = 0;
  #scrolled = "";
  #focus = null;

  connectedCallback() {
    this.watch = new ResizeObserver(() => {
      if (Math.abs(this.clientWidth - this.#width) > 8 && this.#day) this.#draw();
    });
    this.watch.observe(this);
    this.timer = setInterval(() => this.#now(), TICK);
    this.addEventListener("click", (event) => {
      const id = event.target.closest(".block")?.dataset.id;
      if (id) this.dispatchEvent(new CustomEvent("chosen", { detail: id }));
    });
    this.addEventListener("pointerover", (event) => this.#twins(event.target.closest(".block")?.dataset.id));
    this.addEventListener("pointerleave", () => this.#twins(null));
    this.addEventListener("focusin", (event) => this.#entered(event.target.closest(".block")));
    this.addEventListener("focusout", () => this.#twins(null));
  }

  disconnectedCallback() {
    this.watch.disconnect();
    clearInterval(this.timer);
  }

  /** Show a day with one booking chosen; what does not fit the filter is faint. */
  show(day, chosen, filter) {
    this.#day = day;
    this.#filter = filter;
    const state = JSON.stringify([day && { ...day, now: null }, filter, Math.floor(now() / 60_000)]);
    if (state !== this.#shown) {
      this.#shown = state;
      if (day) this.#draw();
      else this.replaceChildren();
    }
    if (chosen !== this.#chosen) this.#mark(chosen);
  }

  get #hour() {
    const narrowest = this.#day.lanes.some((lane) => lane.kind === "pack") ? NARROWEST.station : NARROWEST.store;
    const count = (this.to - this.from) / HOUR;
    return Math.max(narrowest, (this.clientWidth - this.side) / count);
  }

  #x(iso) {
    return ((new Date(iso).getTime() - this.from) / HOUR) * this.px;
  }

  #draw() {
    const day = this.#day;
    const held = this.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    this.#width = this.clientWidth;
    this.side = innerWidth > 900 ? 140 : 104;
    this.from = new Date(day.drawn.start).getTime();
    this.to = new Date(day.drawn.end).getTime();
    this.px = this.#hour;
    const length = ((this.to - this.from) / HOUR) * this.px;
    const sheet = el("div", { class: "sheet" }, this.#scale(), tracksOf(day).map((group) => this.#group(group)), el("div", { class: "now", "aria-hidden": "true" }));
    sheet.style.setProperty("--side", `${this.side}px`);
    sheet.style.setProperty("--hour", `${this.px}px`);
    sheet.style.setProperty("--length", `${length}px`);
    this.replaceChildren(sheet);
    this.#mark(this.#chosen);
    this.#now();
    this.#scroll(day);
    if (held) this.querySelector(`[data-key="${CSS.escape(held)}"]`)?.focus({ preventScroll: true });
  }

  // Where the work is, once for each day that is looked at; what the adviser scrolls to then stays.
  #scroll(day) {
    const which = `${day.place.id} ${day.day}`;
    if (which === this.#scrolled || !this.#width) return;
    this.#scrolled = which;
    const at = now() >= this.from && now() < this.to ? now() : new Date(day.bookings[0]?.start ?? this.from).getTime();
    this.scrollLeft = ((at - this.from) / HOUR - 1) * this.px;
  }

  #scale() {
    const marks = [];
    for (let at = this.from; at < this.to; at += HOUR) {
      const mark = el("span", {}, hour(new Date(at).toISOString()));
      mark.style.left = `${((at - this.from) / HOUR) * this.px}px`;
      marks.push(mark);
    }
    return el("div", { class: "scale", "aria-hidden": "true" }, el("div", { class: "marks" }, marks, el("b", {})));
  }

  #group({ name, tracks, low }) {
    return el("section", { class: low ? "group low" : "group" }, el("h3", {}, el("span", {}, name)), tracks.map((track) => this.#track(track, low)));
  }

  #track({ label, facts, off, stops, blocks }, low) {
    const row = low ? ROW.low : ROW.tall;
    const ends = [];
    const placed = blocks.map((block) => {
      const [left, right] = [Math.max(0, this.#x(block.start)), Math.min(this.#x(this.#day.drawn.end), this.#x(block.end))];
      let level = ends.findIndex((end) => end <= left + 1);
      if (level < 0) level = ends.push(0) - 1;
      ends[level] = right;
      return { block, left, width: Math.max(right - left, 14), level };
    });
    const shut = stops.map((one) => this.#x(one.start));
    const track = el(
      "div", { class: "track" },
      off.map((one) => this.#stretch("off", one)), stops.map((one) => this.#stretch("stop", one)),
      placed.map((one) => this.#block(one, placed, shut, row)),
    );
    track.style.minHeight = `${ends.length ? ends.length * row : Math.min(row, ROW.empty)}px`;
    return el("div", { class: "lane" }, el("p", { class: "side" }, el("strong", {}, label), facts ? el("small", {}, facts) : null), track);
  }

  #stretch(kind, { start, end, text }) {
    const node = el("div", { class: kind, title: text ?? false }, text ? el("span", {}, text) : null);
    const [left, right] = [Math.max(0, this.#x(start)), Math.min(this.#x(this.#day.drawn.end), this.#x(end))];
    node.style.left = `${left}px`;
    node.style.width = `${Math.max(0, right - left)}px`;
    return node;
  }

  #block({ block, left, width, level }, all, shut, row) {
    const { booking, journey, lane } = block;
    const theirs = all.filter((one) => one.level === level).map((one) => one.left);
    const beside = Math.min(...[...theirs, ...shut, this.#x(this.#day.drawn.end)].filter((at) => at > left)) - left - width - 4;
    const fit = width >= ROOM.inside ? "in" : beside >= ROOM.beside ? "out" : "mark";
    const plate = plateOf(booking.vehicle);
    const head = journey ? `${called("legs", journey.leg)} ${called("journey_statuses", journey.status)}` : stepOf(booking);
    const flags = flagsOf(booking);
    const under = [...(journey ? [] : flags.slice(0, 1)), plate, journey ? null : workOf(booking)].filter(Boolean).join(" ");
    const told = [hours(block.start, block.end), head, booking.customer, plate, booking.vehicle?.model, workOf(booking), lane, ...flags].filter(Boolean).join(" ");
    const node = el(
      "button", {
        type: "button", class: journey ? "block journey" : "block", tabindex: -1, title: told, "aria-label": told,
        "data-id": booking.id, "data-key": `${booking.id} ${lane} ${block.start}`, "data-tone": toneOf(booking), "data-fit": fit,
        "data-planned": String(booking.step === "planned"), "data-dim": String(!matches(booking, this.#filter)),
      },
      fit === "in" ? null : el("span", { class: "mark" }, journey ? head.slice(0, 1) : markOf(booking)),
      fit === "mark" ? null : el("span", { class: "words" }, el("span", {}, el("strong", {}, head), " ", booking.customer), el("span", {}, under)),
    );
    node.style.setProperty("--beside", `${beside}px`);
    node.style.left = `${left}px`;
    node.style.width = `${width}px`;
    node.style.top = `${level * row + 2}px`;
    node.style.height = `${row - 4}px`;
    return node;
  }

  #now() {
    const line = this.querySelector(".now");
    if (!line) return;
    const at = now();
    const told = this.querySelector(".marks b");
    const left = ((at - this.from) / HOUR) * this.px;
    line.hidden = told.hidden = at < this.from || at >= this.to;
    line.style.left = `${this.side + left}px`;
    told.style.left = `${left}px`;
    told.textContent = hour(new Date(at).toISOString());
    // An hour's mark gives way to it.
    for (const mark of this.querySelectorAll(".marks span")) mark.hidden = !told.hidden && Math.abs(parseFloat(mark.style.left) + 18 - left) < 44;
  }

  #mark(chosen) {
    this.#chosen = chosen;
    let first = null;
    for (const block of this.querySelectorAll(".block")) {
      block.setAttribute("aria-current", String(block.dataset.id === chosen));
      first ??= block.dataset.id === (this.#focus ?? chosen) ? block : null;
    }
    this.#stop(first ?? this.querySelector(".block"));
  }

  // One stop of the tab key: from there, j and k.
  #stop(block) {
    for (const one of this.querySelectorAll('.block[tabindex="0"]')) one.tabIndex = -1;
    if (block) block.tabIndex = 0;
  }

  #entered(block) {
    if (!block) return;
    this.#focus = block.dataset.id;
    this.#stop(block);
    this.#twins(block.dataset.id);
  }

  #twins(id) {
    for (const block of this.querySelectorAll(".block")) block.classList.toggle("twin", Boolean(id) && block.dataset.id === id);
  }

  /** Return the id of the booking under the focus. */
  get focused() {
    return document.activeElement?.closest?.("day-line .block")?.dataset.id ?? null;
  }

  /** Put the focus on a booking. */
  focusOn(id) {
    const block = this.querySelector(`.block[data-id="${CSS.escape(id)}"]`);
    block?.focus();
    return Boolean(block);
  }
}

customElements.define("day-line", DayLine);

