// <week-hours>: a week, or one day, drawn as bars and written as times.
// Bars are drawn and pulled with a pointer; whoever cannot or will not has the times beside them.

import { byDay, span, weekOf } from "./setup_show.js";
import { listed, say } from "./setup_words.js";
import { el } from "./shared/dom.js";

const DAY = 1440;
const STEP = 15;
const MOST = 6;
const MARKS = [0, 6, 12, 18, 24];

const minutes = (text) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3));
const clock = (number) => `${String(Math.floor(number / 60)).padStart(2, "0")}:${String(number % 60).padStart(2, "0")}`;
const percent = (number) => `${(number / DAY) * 100}%`;

/** Return the time that somebody wrote in whatever haste (830, 8：30, 24), null if it is none. */
function written(text) {
  const [, hour, minute = "0"] = /^(\d{1,2})(?:[:：.]?(\d{2}))?$/.exec(text.normalize("NFKC").trim()) ?? [];
  if (hour === undefined) return null;
  const number = Number(hour) * 60 + Number(minute);
  return Number(minute) > 59 || number > DAY ? null : clock(number);
}

/** Emits "changed". */
export class WeekHours extends HTMLElement {
  #days = [];
  #week = true;
  #bars = [];

  /** Show a week (windows with their days) or, with `week` false, one day's windows. */
  show(value, week = true) {
    this.#week = week;
    this.#days = week ? byDay(value) : [structuredClone(value ?? [])];
    this.#draw();
  }

  /** What is written now, in the form that it came in. */
  get value() {
    return this.#week ? weekOf(this.#days) : this.#days[0];
  }

  #name(day) {
    return this.#week ? listed("days")[day] : say("this_day");
  }

  #changed(day) {
    this.#paint(day);
    this.dispatchEvent(new Event("changed"));
  }

  #draw(focus = null) {
    this.#bars = [];
    const marks = el("div", { class: "marks", "aria-hidden": "true" }, ...MARKS.map((hour) => {
      const mark = el("span", {}, String(hour));
      mark.style.left = percent(hour * 60);
      return mark;
    }));
    this.replaceChildren(marks, ...this.#days.map((_, day) => this.#row(day)));
    const next = focus ? this.querySelector(focus) : null;
    next?.focus();
    next?.select?.();
  }

  #row(day) {
    const name = this.#name(day);
    const windows = this.#days[day];
    const bar = el("div", { class: "week-bar", "aria-hidden": "true" });
    this.#bars[day] = bar;
    bar.addEventListener("pointerdown", (event) => this.#pull(event, day));
    this.#paint(day);
    const acts = [
      el("button", { type: "button", class: "small", "data-add": String(day), "aria-label": `${name} ${say("add_window")}`, disabled: windows.length >= MOST, onclick: () => this.#add(day) }, say("add_window")),
      this.#week && windows.length ? el("button", { type: "button", class: "small", "aria-label": `${name} ${say("copy_all")}`, onclick: () => this.#copy(day, 7) }, say("copy_all")) : null,
      this.#week && windows.length ? el("button", { type: "button", class: "small", "aria-label": `${name} ${say("copy_work")}`, onclick: () => this.#copy(day, 5) }, say("copy_work")) : null,
    ];
    return el(
      "fieldset", { class: "week-day" },
      el("legend", {}, name),
      bar,
      el("div", { class: "windows" }, ...windows.map((_, at) => this.#window(day, at)), windows.length ? null : el("span", { class: "muted" }, say("closed")), el("span", { class: "acts" }, ...acts)),
    );
  }

  #window(day, at) {
    const name = this.#name(day);
    const one = this.#days[day][at];
    // Not a field of type time: in some browsers it speaks of AM and PM, and it knows no 24:00.
    const time = (end) => el("input", {
      type: "text", inputmode: "numeric", size: "5", maxlength: "5", autocomplete: "off", required: true,
      value: end ? one.closes : one.opens, placeholder: end ? "18:00" : "09:00",
      "aria-label": say(end ? "closes" : "opens", { day: name, number: at + 1 }),
      onchange: (event) => {
        const found = written(event.target.value);
        event.target.setCustomValidity(found === null ? say("bad_time") : "");
        if (found === null) {
          event.target.reportValidity();
          return;
        }
        event.target.value = one[end ? "closes" : "opens"] = found;
        this.#changed(day);
      },
    });
    return el(
      "span", { class: "window", "data-window": `${day}-${at}` }, time(false), "–", time(true),
      el("button", {
        type: "button", class: "small", "aria-label": say("drop_window", { day: name, number: at + 1 }),
        onclick: () => { this.#days[day].splice(at, 1); this.#draw(`[data-add="${day}"]`); this.#changed(day); },
      }, "×"),
    );
  }

  #add(day) {
    const last = this.#days[day].at(-1);
    const from = last ? Math.min(minutes(last.closes) + 60, DAY - 60) : 9 * 60;
    this.#days[day].push({ opens: clock(from), closes: clock(Math.min(from + (last ? 180 : 540), DAY)) });
    this.#draw(`[data-window="${day}-${this.#days[day].length - 1}"] input`);
    this.#changed(day);
  }

  #copy(day, count) {
    for (let other = 0; other < count; other += 1) this.#days[other] = structuredClone(this.#days[day]);
    this.#draw(`[data-add="${day}"]`);
    this.#changed(day);
  }

  #paint(day) {
    this.#bars[day].replaceChildren(...this.#days[day].map((one) => {
      const [from, to] = [minutes(one.opens), minutes(one.closes)];
      const night = to <= from;
      const block = el("span", { class: night ? "block night" : "block", title: night ? `${span(one)} ${say("night")}` : span(one) });
      // Through the style object: an attribute would be refused by the page's policy.
      block.style.left = percent(from);
      block.style.width = percent((night ? DAY : to) - from);
      return block;
    }));
  }

  // A pull on a block's end moves that end, one on the empty bar draws another window.
  #pull(event, day) {
    if (event.button !== 0) return;
    event.preventDefault();
    const box = this.#bars[day].getBoundingClientRect();
    const at = (x) => Math.max(0, Math.min(DAY, Math.round(((x - box.left) / box.width) * (DAY / STEP)) * STEP));
    const grip = (10 / box.width) * DAY;
    const begun = ((event.clientX - box.left) / box.width) * DAY;
    const windows = this.#days[day];
    let one = windows.find(({ opens, closes }) => Math.abs(minutes(opens) - begun) < grip || Math.abs(minutes(closes) - begun) < grip);
    const inside = windows.some(({ opens, closes }) => minutes(opens) <= begun && begun <= minutes(closes));
    if (!one && (inside || windows.length >= MOST)) return;
    let fixed = one ? (Math.abs(minutes(one.opens) - begun) < grip ? minutes(one.closes) : minutes(one.opens)) : at(event.clientX);
    const move = (moved) => {
      const to = at(moved.clientX);
      if (to === fixed) return;
      if (!one) {
        one = { opens: "00:00", closes: "24:00" };
        windows.push(one);
        fixed = Math.min(fixed, DAY - STEP);
      }
      [one.opens, one.closes] = [clock(Math.min(fixed, to)), clock(Math.max(fixed, to))];
      this.#paint(day);
    };
    const done = () => {
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", done);
      removeEventListener("pointercancel", done);
      if (one) windows.sort((a, b) => a.opens.localeCompare(b.opens));
      this.#draw();
      this.#changed(day);
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", done);
    addEventListener("pointercancel", done);
  }
}

customElements.define("week-hours", WeekHours);
