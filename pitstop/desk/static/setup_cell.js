// Editing a cell in its place: a field, a choice.

import { typeOf } from "./setup_show.js";
import { el } from "./shared/dom.js";
import { say } from "./setup_words.js";

const NUMBERS = new Set(["number", "decimal", "money"]);
const CHOSEN = new Set(["choice", "reference"]);
const INLINE = new Set(["text", "code", "date", "until", ...NUMBERS, ...CHOSEN]);

/** Say whether a column is edited in its cell; the others have a dialog, a flag is switched. */
export function inline(column, row) {
  return INLINE.has(typeOf(column, row));
}

/** Say whether a cell of a row may be changed. */
export function editable(column, line) {
  if (column.readonly || line.remove) return false;
  return !(column.fixed && line.base);
}

function options(column, names, value) {
  const known = column.type === "choice" ? column.choices : names[column.refers] ?? {};
  const all = Object.entries(known);
  if (value && !(value in known)) all.unshift([value, value]);
  return [
    el("option", { value: "" }, column.required ? "" : say("empty")),
    ...all.map(([code, label]) => el("option", { value: code }, label)),
  ];
}

/** Return a field for a column; `typed` is what was typed to begin with. */
export function field(column, line, names, typed = null) {
  const type = typeOf(column, line.all);
  const value = line.at(column);
  const name = { "aria-label": column.label, class: "cell-field" };
  if (CHOSEN.has(type) && column.refers !== "vehicle") {
    const select = el("select", name, ...options(column, names, value));
    select.value = value ?? "";
    return select;
  }
  if (type === "date" || type === "until") return el("input", { ...name, type: "date", value: value ?? "" });
  const input = el("input", {
    ...name, type: "text", autocomplete: "off", spellcheck: "false",
    inputmode: type === "number" ? "numeric" : NUMBERS.has(type) ? "decimal" : false,
    maxlength: type === "text" ? column.limit : false,
  });
  input.value = typed ?? value ?? "";
  if (typed === null) queueMicrotask(() => input.select());
  return input;
}

/** Return what a field holds, as the API takes it. */
export function valueOf(column, control, row) {
  const text = control.value.trim();
  if (!text) return null;
  const type = typeOf(column, row);
  // Anything else is sent as it was typed: the server says what is wrong with it.
  if (type === "number" && /^\d{1,9}$/.test(text)) return Number(text);
  if (type === "decimal" && column.type === "decimal" && /^\d{1,6}(\.\d{1,6})?$/.test(text)) return Number(text);
  if (type === "money" && /^\d{1,7}(\.\d{1,2})?$/.test(text)) return Number(text).toFixed(2);
  return text;
}
