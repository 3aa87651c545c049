// <booking-panel>: one booking, all of it, and what can be done with it.

import { el } from "./shared/dom.js";
import { label, named } from "./shared/labels.js";
import { day as dayOf, mark, moment, span } from "./shared/times.js";
import { buttonsOf } from "./service_acts.js";
import { changesOf } from "./service_changes.js";
import { called, flagsOf, hours, plateOf, say, stepOf, toneOf, workOf } from "./service_words.js";

const bare = (amount) => String(amount).replace(/\.00$/, "");

function section(name, ...body) {
  return el("section", {}, el("h3", {}, say(`panel.${name}`)), ...body);
}

function facts(pairs) {
  const known = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== false);
  return el("dl", { class: "facts" }, known.map(([name, value]) => el("div", {}, el("dt", {}, say(`panel.${name}`)), el("dd", {}, value))));
}

function priceOf(booking) {
  if (!booking.price) return say("panel.unpriced");
  const { amount, estimate, parts } = booking.price;
  const made = booking.kind === "swap" ? "swap" : "parts";
  const detail = parts ? [
    say(`panel.price_${made}`, { parts: bare(parts.parts), labour: bare(parts.labour) }),
    Number(parts.visit) ? say("panel.price_visit", { visit: bare(parts.visit) }) : null,
    ...(parts.covered ?? []).map((one) => say("panel.price_covered", { who: called("covered", one.reason), amount: bare(one.amount) })),
  ].filter(Boolean).join("，") : null;
  return [
    estimate ? el("span", { class: "badge" }, label("cards.estimate")) : null,
    ` ${Number(amount) ? label("cards.yuan", { amount: bare(amount) }) : label("cards.free")}`,
    detail ? el("small", {}, ` ${detail}`) : null,
  ];
}

/** Emits "closed". Buttons call `act(name, more)`; `reveal(field)` promises what is masked. */
export class BookingPanel extends HTMLElement {
  #shown = "";
  #of = null;
  #revealed = new Map();

  /** Show a booking with what may be done; null hides the panel. */
  show(booking, { may = () => false, act, reveal } = {}) {
    this.hidden = !booking;
    if (booking?.id !== this.#of) this.#revealed.clear();
    this.#of = booking?.id ?? null;
    const state = JSON.stringify([booking && { ...booking, now: null }, booking && flagsOf(booking)]);
    if (state === this.#shown) return;
    this.#shown = state;
    if (!booking) {
      this.replaceChildren();
      return;
    }
    const held = this.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    const at = this.scrollTop;
    this.may = may;
    this.act = act;
    this.reveal = reveal;
    this.replaceChildren(
      this.#head(booking), this.#buttons(booking), this.#owner(booking), this.#booking(booking),
      ...[this.#quotes(booking), this.#journeys(booking), this.#parts(booking), section("changes", changesOf(booking))].filter(Boolean),
    );
    this.scrollTop = at;
    if (held) this.querySelector(`[data-key="${CSS.escape(held)}"]`)?.focus({ preventScroll: true });
  }

  #head(booking) {
    return el(
      "header", {},
      el("button", { type: "button", class: "small shut", "data-key": "shut", onclick: () => this.dispatchEvent(new Event("closed")) }, say("panel.close")),
      el("p", { class: "head" }, el("span", { class: "step", "data-tone": toneOf(booking) }, stepOf(booking)), ...flagsOf(booking).map((flag) => el("span", { class: "flag" }, flag))),
      el("h2", {}, [booking.customer, workOf(booking)].filter(Boolean).join(" · ")),
      el("p", { class: "muted" }, [span(booking.start, booking.end), booking.reference].join(" · ")),
    );
  }

  #buttons(booking) {
    if (!this.may("work_service")) return el("div", {});
    return el("div", { class: "does", role: "group", "aria-label": say("panel.actions") }, buttonsOf(booking).map(({ name, more, text, key, primary }) => el(
      "button", {
        type: "button", class: primary ? "primary" : "", title: key ? say("key", { key }) : false, "data-do": name, "data-key": `${name} ${more ?? ""}`,
        onclick: () => this.act(name, more),
      }, text, key ? el("kbd", { "aria-hidden": "true" }, key) : null,
    )));
  }

  #secret(field, masked) {
    if (!masked) return null;
    const value = el("span", {}, this.#revealed.get(field) ?? masked);
    const button = el("button", {
      type: "button", class: "small", hidden: !this.may("reveal") || this.#revealed.has(field), "data-key": `reveal ${field}`,
      "aria-label": say(`panel.reveal_${field}`), title: say("panel.reveal_logged"),
      onclick: async () => {
        button.disabled = true;
        try {
          const told = await this.reveal(field);
          this.#revealed.set(field, told.value);
          value.textContent = told.value;
          button.hidden = true;
        } catch (error) {
          value.textContent = error.message || label("offline");
        } finally {
          button.disabled = false;
        }
      },
    }, say("panel.reveal"));
    return el("span", { class: "secret" }, value, button);
  }

  #owner(booking) {
    const car = booking.vehicle;
    const taken = booking.changes.find((one) => one.change === "checked_in")?.after ?? {};
    const told = [
      taken.mileage_km === undefined ? null : label("cards.km", { km: taken.mileage_km }),
      taken.soc === undefined ? null : label("cards.percent", { value: taken.soc }),
    ].filter(Boolean).join(" · ");
    return section("owner", facts([
      ["phone", this.#secret("phone", booking.phone) ?? say("panel.no_phone")],
      ["plate", car ? this.#secret("plate", plateOf(car)) : null],
      ["model", car ? [car.model, say("unit", { kwh: car.pack_kwh })].join(" · ") : null],
      ["mileage", booking.mileage_km === null ? null : label("cards.km", { km: booking.mileage_km })],
      ["soc", booking.soc === null ? null : label("cards.percent", { value: booking.soc })],
      ["taken_in", told],
    ]));
  }

  #booking(booking) {
    const away = booking.mode !== "in_store" && booking.mode !== "station";
    const technician = booking.technician?.label ?? (booking.kind === "maintenance" ? say("panel.nobody") : null);
    return section("booking", facts([
      ["place", booking.place?.name],
      ["mode", named("cards.modes", booking.mode)],
      ["technician", technician && [technician, booking.person_asked ? say("person_asked") : null].filter(Boolean).join(" · ")],
      ["price", priceOf(booking)],
      ["waits", booking.waits ? [booking.waits.what, booking.waits.expected_at ? say("panel.coming", { time: moment(booking.waits.expected_at) }) : say("panel.coming_unknown")].join("，") : null],
      ["ready_at", booking.ready_at ? moment(booking.ready_at) : null],
      ["lock_until", booking.lock_until ? moment(booking.lock_until) : null],
      ["address", this.#secret("address", booking.address)],
      ["consent", away ? (booking.consent_at ? say("panel.consent_given", { time: mark(booking.consent_at) }) : say("panel.consent_missing")) : null],
      ["note", this.#secret("note", booking.note)],
    ]));
  }

  #parts(booking) {
    if (booking.kind !== "maintenance") return null;
    const now = Date.parse(booking.now);
    const rows = booking.parts.map((part) => {
      const there = Date.parse(part.available_at) <= now;
      return el("li", {}, part.name, " ", say("panel.count", part), " ", el(
        "span", { class: there ? "badge good" : "badge warn" }, there ? say("panel.in_stock") : say("panel.coming", { time: mark(part.available_at) }),
      ));
    });
    return section("parts", rows.length ? el("ul", {}, rows) : el("p", { class: "muted" }, say("panel.no_parts")));
  }

  #quotes(booking) {
    if (!booking.quotes.length) return null;
    return section("quotes", ...booking.quotes.map((quote) => el(
      "article", { class: "quote" },
      el("p", { class: "head" }, el("strong", {}, say("quote.number", quote)), el("span", { class: "badge", "data-status": quote.status }, called("quote.statuses", quote.status)), el("span", { class: "sum" }, say("quote.total", { total: bare(quote.total.amount) }))),
      el("ul", {}, quote.lines.map((line) => this.#line(booking, quote, line))),
      quote.note ? el("p", { class: "muted" }, quote.note) : null,
      quote.status === "open" && this.may("work_service") ? el("button", {
        type: "button", class: "small", "data-do": "withdraw", "data-key": `withdraw ${quote.id}`, onclick: () => this.act("withdraw", quote.id),
      }, say("quote.withdraw")) : null,
    )));
  }

  #line(booking, quote, line) {
    const decision = line.approved === null ? (quote.status === "withdrawn" ? null : "open") : line.approved ? "approved" : "declined";
    const who = booking.names_of[line.decided_by] ?? line.decided_by;
    return el(
      "li", {},
      el("p", {}, el("strong", {}, line.name), " ", el("span", { class: "muted" }, say("quote.lines", { parts: bare(line.parts_price.amount), labour: bare(line.labour_price.amount) }))),
      line.reason ? el("p", { class: "muted" }, line.reason) : null,
      decision ? el("p", { class: `decision ${decision}` }, say(`quote.${decision}`), line.decided_at ? ` · ${say("quote.decided", { who, time: mark(line.decided_at) })}` : "") : null,
    );
  }

  #journeys(booking) {
    if (!booking.journeys.length) return null;
    return section("journeys", el("ul", {}, booking.journeys.map((one) => this.#journey(booking, one))));
  }

  #journey(booking, one) {
    const next = { planned: "set_off", on_the_way: "arrive", arrived: "hand_over" }[one.status];
    const told = [
      one.mileage_km === null ? null : label("cards.km", { km: one.mileage_km }),
      one.soc === null ? null : label("cards.percent", { value: one.soc }),
      one.photos?.length ? say("panel.photos", { count: one.photos.length }) : null,
      one.belongings ? say("panel.belongings", { text: one.belongings }) : null,
    ].filter(Boolean);
    const times = [["left", one.set_off_at], ["arrived", one.arrived_at], ["handed", one.finished_at]]
      .filter(([, at]) => at).map(([what, at]) => say("panel.done_at", { what: say(`panel.${what}`), time: mark(at) }));
    return el(
      "li", {},
      el("p", { class: "head" }, el("strong", {}, called("legs", one.leg)), el("span", {}, `${dayOf(one.window_start)} ${hours(one.window_start, one.window_end)}`), el("span", { class: "badge" }, called("journey_statuses", one.status))),
      el("p", { class: "muted" }, [one.worker?.label ?? say("nobody"), one.relay ? say("panel.relay", one) : null, say(one.status === "finished" ? "panel.code_known" : "panel.code_open", { code: called("codes", one.leg) }), ...times].filter(Boolean).join(" · ")),
      told.length ? el("p", {}, say("panel.at_hand_over", { facts: told.join(" · ") })) : null,
      one.differs ? el("p", { class: "decision open" }, say("panel.differs", { facts: [
        one.differs.mileage_km === null ? null : label("cards.km", { km: `+${one.differs.mileage_km}` }),
        one.differs.soc === null ? null : label("cards.percent", { value: `−${one.differs.soc}` }),
      ].filter(Boolean).join(" · ") })) : null,
      next && this.may("work_service") ? el("button", {
        type: "button", class: "small", "data-do": next, "data-key": `${next} ${one.id}`, onclick: () => this.act(next, one.id),
      }, say(`do.${next}`)) : null,
    );
  }
}

customElements.define("booking-panel", BookingPanel);
