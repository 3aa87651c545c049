// <handoff-list>: my conversations, the queue, and what colleagues have.

import { clocksOf } from "./clock.js";
import { arrange, el } from "./shared/dom.js";
import { label, named } from "./shared/labels.js";
import { mark } from "./shared/times.js";

/** Emits "chosen" {id} and "accept" {id}. */
export class HandoffList extends HTMLElement {
  #desk;
  #items = new Map();
  #sections;

  /** Show this desk's handoffs. */
  show(desk) {
    this.#desk = desk;
    this.#sections = Object.fromEntries(["mine", "queued", "others"].map((name) => [name, this.#section(name)]));
    this.replaceChildren(...Object.values(this.#sections).map((section) => section.node));
    desk.addEventListener("queue", () => this.#draw());
    desk.addEventListener("open", () => this.#draw());
    this.#draw();
  }

  #section(name) {
    const [count, list] = [el("span", { class: "count" }), el("ul", {})];
    const none = el("p", { class: "none" }, label(`queue.none.${name}`));
    const node = el("section", { class: name }, el("h2", {}, label(`queue.${name}`), " ", count), list, none);
    return { node, count, list, none };
  }

  #draw() {
    const desk = this.#desk;
    const groups = { mine: [], queued: [], others: [] };
    for (const handoff of desk.handoffs) {
      if (handoff.state === "queued") groups.queued.push(handoff);
      else if (handoff.state === "human") groups[desk.has(handoff) ? "mine" : "others"].push(handoff);
    }
    for (const [name, { node, count, list, none }] of Object.entries(this.#sections)) {
      arrange(list, groups[name].map((handoff) => this.#item(handoff)));
      count.textContent = groups[name].length;
      none.hidden = groups[name].length > 0;
      node.hidden = name === "others" && groups[name].length === 0;
    }
    this.dispatchEvent(new CustomEvent("counted", { detail: groups.queued.length }));
  }

  // The clocks count by themselves: an item is drawn anew only when the server said something new.
  #item(handoff) {
    const state = JSON.stringify([handoff, this.#desk.unread(handoff), handoff.id === this.#desk.open?.id]);
    const known = this.#items.get(handoff.id);
    if (known?.state === state) return known.node;
    const node = known?.node ?? el("li", { "data-id": handoff.id }, el("button", {
      type: "button", class: "handoff", onclick: () => this.#emit("chosen", handoff.id),
    }), el("button", {
      type: "button", class: "accept primary", onclick: () => this.#emit("accept", handoff.id),
    }, label("actions.accept")));
    const [open, accept] = node.children;
    open.replaceChildren(...this.#content(handoff));
    open.setAttribute("aria-current", String(handoff.id === this.#desk.open?.id));
    accept.hidden = handoff.state !== "queued" || !this.#desk.may("accept");
    accept.setAttribute("aria-label", label("actions.accept_whom", { name: handoff.customer.name }));
    node.dataset.priority = handoff.priority;
    this.#items.set(handoff.id, { node, state });
    return node;
  }

  #content(handoff) {
    return [
      el(
        "span", { class: "who" },
        el("span", { class: `priority ${handoff.priority}` }, handoff.priority),
        el("strong", {}, handoff.customer.name || label("customer.unnamed")),
        this.#desk.unread(handoff) ? el("span", { class: "unread" }, label("queue.unread")) : null,
        el("time", { datetime: handoff.waiting_since }, mark(handoff.waiting_since)),
      ),
      el("span", { class: "why" }, named("reasons", handoff.reason), this.#with(handoff)),
      el("span", { class: "last" }, handoff.last_message ?? ""),
      el("span", { class: "clocks" }, clocksOf(handoff)),
    ];
  }

  #with(handoff) {
    if (!handoff.agent || this.#desk.has(handoff)) return null;
    return ` · ${label("queue.with", { name: handoff.agent.name ?? handoff.agent })}`;
  }

  #emit(name, id) {
    this.dispatchEvent(new CustomEvent(name, { detail: id }));
  }

  /** Return the id of the handoff under the focus. */
  get focused() {
    return this.contains(document.activeElement) ? document.activeElement.closest("li")?.dataset.id ?? null : null;
  }

  /** Move the focus by one. */
  move(by) {
    const all = [...this.querySelectorAll("button.handoff")];
    const at = all.findIndex((button) => button.closest("li").dataset.id === (this.focused ?? this.#desk.open?.id));
    const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1);
    all[next]?.focus();
  }
}

customElements.define("handoff-list", HandoffList);
