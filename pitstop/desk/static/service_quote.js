// The lines of a quote while it is written, with what they come to.

import { el } from "./shared/dom.js";
import { say } from "./service_words.js";

const MOST = 20;
const PRICE = "[0-9]{1,6}([.][0-9]{1,2})?";

const fen = (text) => Math.round(Number(text || 0) * 100) || 0;
const yuan = (sum) => (sum / 100).toFixed(2);

/** Keeps the rows of the dialog "quote". */
export class QuoteLines {
  constructor(dialog) {
    this.list = dialog.querySelector("[data-part=lines]");
    this.add = dialog.querySelector("[data-part=add]");
    this.yes = dialog.querySelector("[data-part=yes]");
    this.add.onclick = () => {
      this.#more({}).querySelector("input").focus();
      this.#count();
    };
  }

  #field(name, line, props, wide = false) {
    // No name: these are no fields of the form but of a line in it.
    const input = el("input", { ...props, autocomplete: "off", "data-field": name, value: line[name] ?? "" });
    input.addEventListener("input", () => this.#count());
    return el("label", wide ? { class: "across" } : {}, say(`quote.${name}`), input);
  }

  #more(line) {
    const row = el(
      "li", {},
      el("p", { class: "row" }, el("strong", { "data-part": "number" }), el("output", { "data-part": "sum" }), el("button", {
        type: "button", class: "small", onclick: () => { row.remove(); this.#count(); this.list.dispatchEvent(new Event("input", { bubbles: true })); },
      }, say("quote.remove"))),
      this.#field("name", line, { maxlength: 80, required: true }, true),
      this.#field("reason", line, { maxlength: 200 }, true),
      this.#field("parts_price", line, { inputmode: "decimal", pattern: PRICE }),
      this.#field("labour_price", line, { inputmode: "decimal", pattern: PRICE }),
    );
    this.list.append(row);
    return row;
  }

  #count() {
    const rows = [...this.list.children];
    let total = 0;
    rows.forEach((row, i) => {
      const [parts, labour] = ["parts_price", "labour_price"].map((name) => fen(this.#value(row, name)));
      total += parts + labour;
      row.querySelector("[data-part=number]").textContent = say("quote.line", { number: i + 1 });
      row.querySelector("[data-part=sum]").textContent = say("quote.sum", { total: yuan(parts + labour) });
      row.querySelector("button").hidden = rows.length === 1;
    });
    this.add.disabled = rows.length >= MOST;
    this.yes.textContent = say("quote.send", { total: yuan(total) });
  }

  #value(row, name) {
    return row.querySelector(`[data-field=${name}]`).value.trim();
  }

  /** Show these lines, or one empty one. */
  restore(lines) {
    this.list.replaceChildren();
    for (const line of lines?.length ? lines : [{}]) this.#more(line);
    this.#count();
  }

  /** Return the lines as they stand in the fields. */
  kept() {
    return [...this.list.children].map((row) => Object.fromEntries(
      ["name", "reason", "parts_price", "labour_price"].map((name) => [name, this.#value(row, name)]),
    ));
  }

  /** Return the lines as they are sent. */
  values() {
    return { lines: this.kept().map((line) => ({ ...line, reason: line.reason || null, parts_price: line.parts_price || "0", labour_price: line.labour_price || "0" })) };
  }
}
