// <reply-box>: writing to the owner, or a note for colleagues. The draft outlives a reload.

import { label } from "./shared/labels.js";

const TALLEST = 160;

function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** `send(mode, {id, text})` is called for each; a refusal puts the text back, under the same id. */
export class ReplyBox extends HTMLElement {
  #handoff = null;
  #mode = "reply";
  #forced = false;
  #again = null;

  connectedCallback() {
    this.form = this.querySelector("form");
    this.field = this.querySelector("textarea");
    this.problem = this.querySelector("[data-part=problem]");
    this.modes = [...this.querySelectorAll("[data-mode]")];
    for (const button of this.modes) button.addEventListener("click", () => this.write(button.dataset.mode));
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.#submit(); });
    this.field.addEventListener("input", () => { this.#keep(); this.#fit(); });
    this.field.addEventListener("keydown", (event) => this.#key(event));
  }

  get #place() {
    return `pitstop.draft.${this.#handoff}.${this.#mode}`;
  }

  #keep() {
    if (this.field.value) sessionStorage.setItem(this.#place, this.field.value);
    else sessionStorage.removeItem(this.#place);
  }

  /** Write in this handoff; `mayReply` and `mayNote` say what the person may do there. */
  show(handoff, { mayReply, mayNote }) {
    this.hidden = !mayReply && !mayNote;
    const [reply, note] = this.modes;
    reply.disabled = !mayReply;
    note.disabled = !mayNote;
    // A note nobody chose gives way the moment a reply is allowed: what is typed then is for the owner.
    const kept = this.#handoff === handoff && !this.#forced;
    const mode = mayReply ? (kept ? this.#mode : "reply") : "note";
    this.#forced = !mayReply;
    if (this.#handoff === handoff && this.#mode === mode) return;
    this.#handoff = handoff;
    this.#switch(mode);
  }

  #switch(mode) {
    this.#mode = mode;
    this.#again = null;
    this.problem.hidden = true;
    this.dataset.mode = mode;
    for (const button of this.modes) button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
    this.field.placeholder = label(`reply.placeholder.${mode}`);
    this.field.setAttribute("aria-label", label(`reply.${mode}`));
    this.form.querySelector("[type=submit]").textContent = label(`reply.send.${mode}`);
    this.field.value = sessionStorage.getItem(this.#place) ?? "";
    this.#fit();
  }

  /** Put the cursor into the field, in this mode if it is allowed. */
  write(mode) {
    if (this.hidden || this.modes.find((button) => button.dataset.mode === mode).disabled) return;
    if (mode !== this.#mode) this.#switch(mode);
    this.#forced = false;
    this.field.focus();
  }

  #fit() {
    this.field.style.height = "auto";
    this.field.style.height = `${Math.min(this.field.scrollHeight + 2, TALLEST)}px`;
  }

  // While an input method is composing, Enter chooses a word (229: Safari, which tells it late).
  #key(event) {
    if (event.key === "Escape") this.field.blur();
    if (event.key !== "Enter" || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    if (event.ctrlKey || event.shiftKey || event.metaKey) {
      this.field.setRangeText("\n", this.field.selectionStart, this.field.selectionEnd, "end");
      this.field.dispatchEvent(new Event("input"));
    } else {
      this.#submit();
    }
  }

  async #submit() {
    const text = this.field.value.trim();
    if (!text) return;
    const [mode, place] = [this.#mode, this.#place];
    const id = this.#again?.text === text ? this.#again.id : uuid();
    this.field.value = "";
    this.#fit();
    this.problem.hidden = true;
    try {
      await this.send(mode, { id, text });
      if (sessionStorage.getItem(place)?.trim() === text) sessionStorage.removeItem(place);
    } catch (error) {
      if (this.#place !== place) return;
      this.#again = { id, text };
      // What was typed meanwhile stays, after what did not go out.
      this.field.value = [text, this.field.value].filter(Boolean).join("\n");
      this.#keep();
      this.#fit();
      this.problem.textContent = label("reply.failed", { why: error.message || label("offline") });
      this.problem.hidden = false;
    }
  }
}

customElements.define("reply-box", ReplyBox);
