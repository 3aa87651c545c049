// <sla-clock>: one promise that is being timed, told by words and by colour.

import { find, label } from "./shared/labels.js";
import { counted, now } from "./shared/times.js";

const SOON = 15_000;
const shown = new Set();

setInterval(() => { for (const clock of shown) clock.tick(); }, 1000);

export class SlaClock extends HTMLElement {
  #due = null;
  #status = "paused";
  #kind = "";
  #open = true;

  connectedCallback() {
    shown.add(this);
    this.tick();
  }

  disconnectedCallback() {
    shown.delete(this);
  }

  /** Show a clock of the API; `open` says whether anybody still waits. */
  show(kind, clock, open) {
    this.#kind = kind;
    this.#due = clock?.due_at ? new Date(clock.due_at).getTime() : null;
    this.#status = clock?.status ?? "paused";
    this.#open = open;
    this.hidden = this.#status === "paused" && this.#due === null;
    this.tick();
  }

  tick() {
    if (this.hidden) return;
    const left = this.#due === null ? 0 : this.#due - now();
    // The sweep marks a breach a moment later than it happens.
    const status = this.#status === "running" && left < 0 ? "breached" : this.#status;
    const counting = this.#due !== null && (status === "running" || (status === "breached" && this.#open));
    this.dataset.status = status === "running" && left < SOON ? "soon" : status;
    const text = [
      label(`clocks.${this.#kind}`), find(`clocks.statuses.${status}`), counting ? counted(left) : null,
    ].filter(Boolean).join(" ");
    if (this.textContent !== text) this.textContent = text;
    if (this.#due !== null) this.title = label("clocks.due", { time: new Date(this.#due).toLocaleString("zh-CN", { timeZone: "Asia/Shanghai" }) });
  }
}

customElements.define("sla-clock", SlaClock);

/** Return the clocks of a handoff as elements. */
export function clocksOf(handoff) {
  const kinds = handoff.state === "queued" ? ["first_response"] : ["first_response", "next_response", "resolution"];
  return kinds.map((kind) => {
    const clock = document.createElement("sla-clock");
    const open = handoff.state === "queued" || (handoff.state === "human" && kind !== "first_response");
    clock.show(kind, handoff.sla?.[kind], open);
    return clock;
  });
}
