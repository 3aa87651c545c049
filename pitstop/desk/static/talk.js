// <desk-talk>: the open handoff in the middle, and what can be done with it.

import { clocksOf } from "./clock.js";
import "./collected.js";
import { askEnd, askTransfer, askYes, draftSummary } from "./dialogs.js";
import "./reply.js";
import { el } from "./shared/dom.js";
import { label, named } from "./shared/labels.js";
import "./transcript.js";

/** Emits "problem" {text} when something was refused. */
export class DeskTalk extends HTMLElement {
  #desk;
  #api;
  #waiting = [];

  /** Show this desk's open handoff. */
  show(desk, api) {
    this.#desk = desk;
    this.#api = api;
    this.transcript = this.querySelector("desk-transcript");
    this.box = this.querySelector("reply-box");
    this.box.send = (mode, message) => this.#send(mode, message);
    for (const button of this.querySelectorAll("[data-do]")) button.onclick = () => this[button.dataset.do]();
    desk.addEventListener("open", () => this.#draw());
    this.#draw();
  }

  #part(name) {
    return this.querySelector(`[data-part=${name}]`);
  }

  #draw() {
    const handoff = this.#desk.open;
    this.#part("none").hidden = Boolean(handoff);
    this.#part("talk").hidden = !handoff;
    if (!handoff) return;
    const mine = this.#desk.has(handoff);
    const may = (action) => this.#desk.may(action);
    const steered = mine || (may("takeover") && handoff.state !== "ended");
    this.#part("name").textContent = handoff.customer.name || label("customer.unnamed");
    this.#part("facts").replaceChildren(
      el("span", { class: `priority ${handoff.priority}` }, handoff.priority),
      el("span", {}, named("reasons", handoff.reason)),
      el("span", { class: "muted" }, this.#whose(handoff, mine)),
      ...clocksOf(handoff),
    );
    const shown = { accept: handoff.state === "queued" && may("accept"), transfer: steered && may("transfer"), back: steered && may("end"), end: steered && may("end") };
    for (const [name, show] of Object.entries(shown)) this.querySelector(`[data-do=${name}]`).hidden = !show;
    const said = new Set(handoff.messages.map((line) => line.id));
    this.#waiting = this.#waiting.filter((reply) => reply.handoff === handoff.id && !said.has(reply.line));
    this.querySelector("collected-facts").show(handoff.collected);
    this.transcript.show(handoff, this.#waiting);
    this.box.show(handoff.id, { mayReply: mine && may("reply"), mayNote: may("note") });
  }

  #whose(handoff, mine) {
    if (handoff.state === "ended") return named("endings", handoff.ended_how);
    if (handoff.state === "queued") return label("queue.waiting");
    return mine ? label("queue.yours") : label("queue.with", { name: handoff.agent?.name ?? "" });
  }

  async #send(mode, message) {
    const { id } = this.#desk.open;
    if (mode === "note") {
      await this.#desk.act((api) => api.note(id, message.text));
      return;
    }
    const reply = { ...message, handoff: id };
    this.#waiting.push(reply);
    this.#draw();
    try {
      await this.#desk.act(async (api) => { reply.line = (await api.reply(id, message.id, message.text)).message.id; });
    } finally {
      this.#waiting = this.#waiting.filter((one) => one !== reply);
      this.#draw();
    }
  }

  async #try(work) {
    try {
      await this.#desk.act(work);
      return true;
    } catch (error) {
      this.dispatchEvent(new CustomEvent("problem", { detail: error.message || label("offline") }));
      return false;
    }
  }

  /** Take a waiting handoff: the one named, or the open one. */
  async accept(id = this.#desk.open?.state === "queued" ? this.#desk.open.id : null) {
    if (!id || !this.#desk.may("accept")) return;
    const taken = await this.#try((api) => api.accept(id));
    await this.#try(() => this.#desk.show(id));
    if (taken) this.box.write("reply");
  }

  #offered(name) {
    return !this.#part("talk").hidden && !this.querySelector(`[data-do=${name}]`).hidden;
  }

  async transfer() {
    if (!this.#offered("transfer")) return;
    const { id } = this.#desk.open;
    await this.#try(async (api) => {
      const to = await askTransfer((await this.#api.staff()).staff, this.#desk.me.user.username);
      if (to) await api.transfer(id, to);
    });
  }

  async back() {
    if (!this.#offered("back")) return;
    const { id } = this.#desk.open;
    if (await askYes("back")) await this.#try((api) => api.returnToBot(id));
  }

  async end() {
    if (!this.#offered("end")) return;
    const { id } = this.#desk.open;
    const summary = await askEnd(draftSummary(this.#desk.open));
    if (summary) await this.#try((api) => api.end(id, summary));
  }

  /** Put the cursor where one writes. */
  write(mode) {
    if (!this.#part("talk").hidden) this.box.write(mode);
  }
}

customElements.define("desk-talk", DeskTalk);
