// <case-list>: everybody's cases, what is due first.

import "./clock.js";
import { askText } from "./dialogs.js";
import { el } from "./shared/dom.js";
import { label, named } from "./shared/labels.js";
import { mark, moment } from "./shared/times.js";

export class CaseList extends HTMLElement {
  #api;
  #mayWork = false;
  #state = "open";

  /** Show cases through this API; `mayWork` says whether they can be contacted and closed. */
  show(api, mayWork) {
    this.#api = api;
    this.#mayWork = mayWork;
    this.list = this.querySelector("[data-part=cases]");
    this.problem = this.querySelector("[data-part=problem]");
    for (const button of this.querySelectorAll("[data-state]")) {
      button.onclick = () => {
        this.#state = button.dataset.state;
        this.refresh();
      };
    }
  }

  /** Read the list anew. */
  async refresh() {
    for (const button of this.querySelectorAll("[data-state]")) button.setAttribute("aria-pressed", String(button.dataset.state === this.#state));
    try {
      const { cases } = await this.#api.cases(this.#state);
      this.problem.hidden = true;
      this.list.replaceChildren(...(cases.length ? cases.map((one) => this.#row(one)) : [
        el("li", { class: "none" }, label(`cases.none.${this.#state}`)),
      ]));
    } catch (error) {
      this.#complain(error);
    }
  }

  #complain(error) {
    this.problem.textContent = error.message || label("offline");
    this.problem.hidden = false;
  }

  #row(one) {
    const clock = document.createElement("sla-clock");
    clock.show("contact", one.sla?.contact, one.status === "open");
    return el(
      "li", { class: "case", "data-priority": one.severity },
      el(
        "p", { class: "head" },
        el("span", { class: `priority ${one.severity}` }, one.severity), el("strong", {}, one.number),
        el("span", { class: "badge", "data-status": one.status }, named("cards.statuses", one.status)),
        one.escalated ? el("span", { class: "badge escalated" }, label("cases.escalated")) : null,
        one.chases ? el("span", { class: "badge" }, label("cases.chases", { count: one.chases })) : null,
        clock,
      ),
      el("p", {}, one.text),
      one.wish ? el("p", {}, el("span", { class: "muted" }, `${label("cards.fields.wish")} `), one.wish) : null,
      one.result ? el("p", {}, el("span", { class: "muted" }, `${label("cases.result")} `), one.result) : null,
      el("p", { class: "muted" }, [
        named("cards.categories", one.category), one.customer?.name, named("sources", one.source),
        label("cases.filed", { time: mark(one.created_at) }),
        one.status === "open" ? label("customer.respond_by", { time: moment(one.respond_by) }) : null,
      ].filter(Boolean).join(" · ")),
      this.#mayWork && one.status !== "closed" ? el(
        "p", { class: "does" },
        one.status === "open" ? el("button", { type: "button", class: "primary", onclick: () => this.#do("contact", one.id) }, label("cases.contact")) : null,
        el("button", { type: "button", disabled: one.status === "open", onclick: () => this.#do("close", one.id) }, label("cases.close")),
      ) : null,
    );
  }

  async #do(what, id) {
    const text = await askText(`case-${what}`);
    if (text === null) return;
    try {
      await (what === "contact" ? this.#api.contactCase(id, text) : this.#api.closeCase(id, text));
      await this.refresh();
    } catch (error) {
      this.#complain(error);
    }
  }
}

customElements.define("case-list", CaseList);
