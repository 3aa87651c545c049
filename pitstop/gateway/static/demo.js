// <demo-picker>: with a demo, the visitor chooses whose chat this is.

import { el } from "./shared/dom.js";
import { label, named } from "./shared/labels.js";

/** Emits "chosen" {id, name}. */
export class DemoPicker extends HTMLElement {
  #list;

  connectedCallback() {
    this.#list = this.querySelector("[data-part=customers]");
  }

  /** Show the customers of the demo. */
  show(customers) {
    this.hidden = false;
    this.#list.replaceChildren(...customers.map((customer) => el("li", {}, el(
      "button", { type: "button", onclick: () => this.#choose(customer) },
      el("strong", {}, customer.name),
      el("span", {}, named("roles", customer.role)),
      el("small", {}, customer.vehicles.map((v) => `${v.plate} ${v.model}`).join(" · ") || label("demo.no_vehicle")),
    ))));
    this.#list.querySelector("button")?.focus();
  }

  #choose(customer) {
    this.hidden = true;
    this.dispatchEvent(new CustomEvent("chosen", { detail: customer }));
  }
}

customElements.define("demo-picker", DemoPicker);
