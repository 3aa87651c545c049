// <chat-composer>: writing, and sending files and the position.

import { objection } from "./attachment.js";
import { label } from "./shared/labels.js";

const TALLEST = 140;

/** Emits "say" {text}, "file" {file}, "position" and "objection" {text}. */
export class ChatComposer extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form");
    this.field = this.querySelector("textarea");
    this.picker = this.querySelector("input[type=file]");
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.#say(); });
    this.field.addEventListener("keydown", (event) => this.#key(event));
    this.field.addEventListener("input", () => this.#fit());
    this.field.addEventListener("paste", (event) => this.#files(event, event.clipboardData));
    this.addEventListener("dragover", (event) => event.preventDefault());
    this.addEventListener("drop", (event) => this.#files(event, event.dataTransfer));
    this.querySelector("[data-do=file]").addEventListener("click", () => this.picker.click());
    this.querySelector("[data-do=position]").addEventListener("click", () => this.#emit("position"));
    this.picker.addEventListener("change", () => {
      for (const file of this.picker.files) this.#offer(file);
      this.picker.value = "";
    });
    this.#fit();
  }

  #emit(name, detail = {}) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  // While an input method is composing, Enter chooses a word. Safari ends the composition before
  // it tells of the key, which only the old key code 229 still shows.
  #key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    this.#say();
  }

  #say() {
    const text = this.field.value.trim();
    if (!text) return;
    this.field.value = "";
    this.#fit();
    this.#emit("say", { text });
    this.field.focus();
  }

  #fit() {
    this.field.style.height = "auto";
    this.field.style.height = `${Math.min(this.field.scrollHeight, TALLEST)}px`;
    this.form.classList.toggle("empty", this.field.value.trim() === "");
  }

  #files(event, from) {
    if (!from?.files.length) return;
    event.preventDefault();
    for (const file of from.files) this.#offer(file);
  }

  #offer(file) {
    const why = objection(file);
    if (why) this.#emit("objection", { text: label(why) });
    else this.#emit("file", { file });
  }
}

customElements.define("chat-composer", ChatComposer);
