// <state-bar>: who has the word, and whether the line stands.

import { label } from "./shared/labels.js";

function describe({ state, queue_position: position, estimated_wait_seconds: wait, agent }) {
  if (state === "human") return label("states.human", { name: agent?.name ?? "" });
  if (state !== "queued") return label("states.bot");
  if (!position) return label("states.queued");
  if (wait === null || wait === undefined) return label("states.queued_at", { position });
  return label("states.queued_for", { position, minutes: Math.max(1, Math.ceil(wait / 60)) });
}

export class StateBar extends HTMLElement {
  #text;
  #line;

  connectedCallback() {
    this.#text = this.querySelector("[data-part=state]");
    this.#line = this.querySelector("[data-part=line]");
  }

  /** Show who has the word. */
  show(state) {
    this.dataset.state = state.state;
    const text = describe(state);
    if (this.#text.textContent !== text) this.#text.textContent = text;
  }

  /** Show whether messages come by themselves; a short break is nobody's business. */
  connected(stands) {
    clearTimeout(this.waiting);
    if (stands) this.#line.hidden = true;
    else this.waiting = setTimeout(() => { this.#line.hidden = false; }, 2_500);
  }
}

customElements.define("state-bar", StateBar);
