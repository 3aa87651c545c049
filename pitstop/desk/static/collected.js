// <collected-facts>: what the bot had gathered before it handed over.

import { el } from "./shared/dom.js";
import { find, label, named } from "./shared/labels.js";
import { moment } from "./shared/times.js";

const DEEPEST = 2;
const TIMES = new Set(["start", "end", "after"]);

function shown(key, value) {
  return TIMES.has(key) ? moment(value) : find("collected.values")?.[value] ?? String(value);
}

function facts(collected, depth = 0) {
  return Object.entries(collected).flatMap(([key, value]) => {
    if (value === null || value === "" || value === undefined) return [];
    const name = named("collected.fields", key);
    if (Array.isArray(value)) {
      const texts = value.map((one) => (one && typeof one === "object" ? Object.values(one).join(" ") : shown(key, one)));
      return texts.length ? [[name, texts.join("、")]] : [];
    }
    if (typeof value === "object") return depth < DEEPEST ? facts(value, depth + 1) : [];
    return [[name, shown(key, value)]];
  });
}

export class CollectedFacts extends HTMLElement {
  #shown = null;

  /** Show what was collected; nothing is shown for nothing. */
  show(collected) {
    const state = JSON.stringify(collected ?? {});
    if (state === this.#shown) return;
    this.#shown = state;
    const known = facts(collected ?? {});
    this.replaceChildren(...(known.length ? [el(
      "details", { open: innerHeight > 760 && innerWidth > 700 },
      el("summary", {}, label("collected.title")),
      el("dl", {}, known.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)))),
    )] : []));
  }
}

customElements.define("collected-facts", CollectedFacts);
