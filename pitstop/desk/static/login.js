// <desk-login>: the way in. With a demo it offers the demo's log-ins.

import { el } from "./shared/dom.js";
import { label, named } from "./shared/labels.js";

/** Emits "signed-in". */
export class DeskLogin extends HTMLElement {
  #api;
  #offered = false;

  /** Ask for name and password; `demo` says whether there are log-ins to offer. */
  async show(api, demo) {
    this.#api = api;
    this.hidden = false;
    this.form = this.querySelector("form");
    this.form.onsubmit = (event) => { event.preventDefault(); this.#enter(); };
    this.form.elements.username.focus();
    if (demo && !this.#offered) await this.#offer();
  }

  async #offer() {
    const list = this.querySelector("[data-part=staff]");
    try {
      const { staff } = await this.#api.fixtures();
      this.#offered = true;
      list.replaceChildren(...staff.map((one) => el("li", {}, el(
        "button", {
          type: "button",
          onclick: () => {
            this.form.elements.username.value = one.username;
            this.form.elements.password.value = one.password;
            this.#enter();
          },
        }, el("strong", {}, one.name ?? one.username), " ", el("small", {}, named("roles", one.role)),
      ))));
      list.closest("section").hidden = staff.length === 0;
    } catch {
      // The form works without the list.
      list.closest("section").hidden = true;
    }
  }

  async #enter() {
    const { username, password } = this.form.elements;
    const problem = this.querySelector("[data-part=problem]");
    const button = this.form.querySelector("[type=submit]");
    button.disabled = true;
    try {
      await this.#api.logIn(username.value.trim(), password.value);
      problem.hidden = true;
      password.value = "";
      this.hidden = true;
      this.dispatchEvent(new Event("signed-in"));
    } catch (error) {
      problem.textContent = error.message || label("offline");
      problem.hidden = false;
      password.select();
    } finally {
      button.disabled = false;
    }
  }
}

customElements.define("desk-login", DeskLogin);
