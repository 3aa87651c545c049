// <customer-card>: who the owner is, with what is masked until somebody asks for it.

import { el } from "./shared/dom.js";
import { find, label, named } from "./shared/labels.js";
import { day, mark, moment, span } from "./shared/times.js";

function section(name, items, draw) {
  if (!items?.length) return null;
  return el("section", {}, el("h3", {}, label(`customer.${name}`), el("span", { class: "count" }, items.length)), el("ul", {}, items.map(draw)));
}

function booking(one) {
  const status = find("cards.steps")?.[one.step] ?? named("cards.statuses", one.status);
  return el(
    "li", { "data-status": one.status },
    el("p", { class: "head" }, el("strong", {}, [named("cards.kinds", one.kind), one.service].filter(Boolean).join(" · ")), el("span", { class: "badge" }, status)),
    el("p", {}, span(one.start, one.end)),
    el("p", { class: "muted" }, [one.place?.name, one.vehicle?.plate, one.reference].filter(Boolean).join(" · ")),
  );
}

function openCase(one) {
  return el(
    "li", { "data-status": one.status },
    el("p", { class: "head" }, el("strong", {}, one.number), el("span", { class: `priority ${one.severity}` }, one.severity), el("span", { class: "badge" }, named("cards.statuses", one.status))),
    el("p", {}, [named("cards.categories", one.category), one.wish].filter(Boolean).join(" · ")),
    el("p", { class: "muted" }, label("customer.respond_by", { time: moment(one.respond_by) })),
  );
}

function earlier(one) {
  return el(
    "li", {},
    el("p", { class: "head" }, el("strong", {}, named("reasons", one.reason)), one.ended_at ? el("time", { datetime: one.ended_at }, mark(one.ended_at)) : null),
    el("p", {}, one.summary?.text ?? named("endings", one.ended_how)),
    one.agent ? el("p", { class: "muted" }, one.agent) : null,
  );
}

/** Emits "closed" where it lies over the conversation and is put away. */
export class CustomerCard extends HTMLElement {
  #shown = "";
  #revealed = new Map();

  /** Show the customer of a handoff; `reveal(field, more)` promises what is masked. */
  show(handoff, { mayReveal, reveal }) {
    const state = JSON.stringify([handoff.id, handoff.customer, mayReveal]);
    if (state === this.#shown) return;
    // What was revealed is covered again with another owner, and when the conversation is over.
    if (!mayReveal || !this.#shown.startsWith(JSON.stringify([handoff.id]).slice(0, -1))) this.#revealed.clear();
    this.#shown = state;
    const { customer } = handoff;
    this.replaceChildren(
      el("button", { type: "button", class: "small card-close", onclick: () => this.dispatchEvent(new Event("closed")) }, label("customer.close")),
      el("h2", {}, customer.name || label("customer.unnamed")),
      el("p", { class: "muted" }, [named("roles", customer.role), customer.city, customer.role === "visitor" ? null : find("tiers")?.[customer.tier]].filter(Boolean).join(" · ")),
      customer.phone ? this.#secret("phone", customer.phone, mayReveal, reveal) : el("p", { class: "muted" }, label("customer.no_phone")),
      ...[
        section("vehicles", customer.vehicles, (v) => this.#vehicle(v, mayReveal, reveal)),
        section("bookings", customer.bookings, booking),
        section("cases", customer.cases, openCase),
        section("earlier", customer.handoffs, earlier),
      ].filter(Boolean),
    );
  }

  #vehicle(vehicle, mayReveal, reveal) {
    const facts = [
      vehicle.soc === undefined ? null : label("customer.soc", { value: vehicle.soc }),
      vehicle.mileage_km === undefined ? null : label("cards.km", { km: vehicle.mileage_km }),
      vehicle.last_service_at ? label("customer.last_service", { time: day(vehicle.last_service_at) }) : null,
    ];
    return el(
      "li", {},
      el("p", { class: "head" }, el("strong", {}, vehicle.model), el("span", { class: "badge" }, named("roles", vehicle.relation))),
      this.#secret("plate", vehicle.plate, mayReveal, reveal, { vehicle_id: vehicle.id }),
      el("p", { class: "muted" }, facts.filter(Boolean).join(" · ")),
    );
  }

  #secret(field, masked, mayReveal, reveal, more = {}) {
    const key = JSON.stringify([field, more]);
    const value = el("span", {}, this.#revealed.get(key) ?? masked);
    const button = el("button", {
      type: "button", class: "small", hidden: !mayReveal || this.#revealed.has(key),
      "aria-label": label(`customer.reveal_${field}`), title: label("customer.reveal_logged"),
      onclick: async () => {
        button.disabled = true;
        try {
          const told = await reveal(field, more);
          this.#revealed.set(key, told.value);
          value.textContent = told.value;
          button.hidden = true;
        } catch (error) {
          value.textContent = error.message || label("offline");
        } finally {
          button.disabled = false;
        }
      },
    }, label("customer.reveal"));
    return el("p", { class: "secret" }, value, button);
  }
}

customElements.define("customer-card", CustomerCard);
