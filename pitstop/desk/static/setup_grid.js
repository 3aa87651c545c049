// <setup-grid>: the rows of a table, changed cell by cell, by keyboard as in a spreadsheet. On a
// narrow page each row is a card.

import { editable, field, inline, valueOf } from "./setup_cell.js";
import { askValue } from "./setup_editors.js";
import { isEmpty, same, shown, typeOf } from "./setup_show.js";
import { called, say } from "./setup_words.js";
import { el } from "./shared/dom.js";
import { find } from "./shared/labels.js";

const STATE = "_state";
const MARKS = { add: "＋", change: "●", remove: "－", bad: "！", conflict: "⇄" };
const PICKED = new Set(["choice", "date", "until"]);
const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], PageUp: [-10, 0], PageDown: [10, 0] };

// What an empty cell means, where that is more than nothing.
const blank = (table, column) => find(`setup.blank.${table.name}.${column.name}`) ?? "";

/** Emits "hint" with what there is to say about the cell that one is in. */
export class SetupGrid extends HTMLElement {
  #book;
  #at = { key: null, name: null };
  #editing = null;

  /** Show the rows of the book's table. */
  show(book) {
    if (!this.#book) {
      this.addEventListener("keydown", (event) => this.#key(event));
      this.addEventListener("click", (event) => this.#click(event));
      this.addEventListener("focusin", (event) => this.#entered(event));
    }
    this.#book = book;
    this.#draw();
  }

  get #names() {
    return [...this.#book.columns.map((column) => column.name), STATE];
  }

  /** Which row one is in. */
  get key() {
    return this.#at.key;
  }

  #draw() {
    const { columns, lines, table } = this.#book;
    const here = this.contains(document.activeElement);
    this.#editing = null;
    this.hidden = !lines.length;
    if (!lines.length) {
      this.replaceChildren();
      return;
    }
    if (!lines.some((line) => line.key === this.#at.key) || !this.#names.includes(this.#at.name)) this.#at = { key: lines[0].key, name: this.#names[0] };
    const heads = columns.map((column) => el(
      "th", { role: "columnheader", scope: "col", title: column.help || false, "data-type": column.type },
      column.label, column.required ? el("span", { class: "star", "aria-hidden": "true" }, "*") : null,
    ));
    this.replaceChildren(el(
      "table", { role: "grid", "aria-label": table.label, "aria-rowcount": String(this.#book.total + 1), "data-table": table.name },
      el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, ...heads, el("th", { role: "columnheader", scope: "col" }, say("state")))),
      el("tbody", { role: "rowgroup" }, ...lines.map((line) => this.#row(line))),
    ));
    this.#mark();
    if (here) this.#focus();
  }

  /** Draw one row anew. */
  redraw(key) {
    const row = this.#rowOf(key);
    const line = this.#book.line(key);
    if (!row || !line || this.#editing?.key === key) return;
    const here = row.contains(document.activeElement);
    const open = row.dataset.open;
    const fresh = this.#row(line);
    if (open) fresh.dataset.open = open;
    row.replaceWith(fresh);
    this.#mark();
    if (here) this.#focus();
  }

  #rowOf(key) {
    return this.querySelector(`tbody tr[data-key="${CSS.escape(key)}"]`);
  }

  #cellOf({ key, name }) {
    return this.#rowOf(key)?.querySelector(`[data-name="${CSS.escape(name)}"]`);
  }

  /** Return what says which row it is. */
  titleOf(line) {
    const { table, names } = this.#book;
    const parts = table.title.map((name) => {
      const column = this.#book.column(name);
      return shown(column, line.at(column), names, line.all);
    });
    return parts.filter(Boolean).join(" · ") || say("new_row");
  }

  #row(line) {
    const cells = this.#book.columns.map((column, at) => this.#cell(line, column, at === 0));
    return el("tr", { role: "row", "data-key": line.key, "data-state": line.state }, ...cells, this.#state(line));
  }

  #cell(line, column, first) {
    const { names, groups } = this.#book;
    const value = line.at(column);
    const text = shown(column, value, names, line.all, groups);
    const problems = line.problems.filter((problem) => problem.column === column.name);
    const changed = line.base ? column.name in line.values : !isEmpty(line.values[column.name]);
    const cell = el(
      first ? "th" : "td",
      {
        role: first ? "rowheader" : "gridcell", scope: first ? "row" : false, tabindex: "-1",
        "data-name": column.name, "data-type": typeOf(column, line.all), "data-label": column.label,
        "data-changed": changed, "data-empty": isEmpty(value), "data-needed": column.required,
        "aria-readonly": editable(column, line) ? false : "true", "aria-invalid": problems.length ? "true" : false,
        title: text.length > 24 ? text : false,
      },
      el("span", { class: text ? "shown" : "shown blank" }, text || blank(this.#book.table, column)),
      ...problems.map((problem) => el("span", { class: "wrong" }, problem.reason)),
    );
    return cell;
  }

  #state(line) {
    const button = (name, text, title, action) => el("button", { type: "button", class: "small", tabindex: "-1", "data-act": name, "aria-label": title, onclick: action }, text);
    const state = line.state;
    const own = line.problems.filter((problem) => !problem.column && problem.code !== "changed_meanwhile");
    return el(
      "td", { role: "gridcell", tabindex: "-1", "data-name": STATE, class: "state", "data-label": say("state") },
      state === "unchanged" ? null : el("span", { class: "badge", "data-state": state }, el("span", { "aria-hidden": "true" }, `${MARKS[state]} `), called("states", state)),
      line.theirs ? el("span", { class: "wrong" }, say("conflict")) : null,
      ...own.map((problem) => el("span", { class: "wrong" }, problem.reason)),
      line.relying.length && !line.problems.length ? el("span", { class: "wrong soft" }, say("relying", { count: line.relying.length })) : null,
      line.theirs ? button("theirs", say("theirs"), say("theirs"), () => this.#book.settle(line, false)) : null,
      line.theirs ? button("mine", say("mine"), say("mine"), () => this.#book.settle(line, true)) : null,
      line.dirty ? button("undo", say("undo"), say("undo_row"), () => this.#book.undo(line)) : null,
      this.#book.table.removable && !line.remove && line.base ? button("remove", say("remove"), say("remove_row"), () => this.#book.remove(line)) : null,
      el("button", { type: "button", class: "small unfold", tabindex: "-1", "data-act": "unfold", onclick: (event) => this.#unfold(event) }, say("all_columns")),
    );
  }

  #unfold(event) {
    const row = event.target.closest("tr");
    row.dataset.open = String(row.dataset.open !== "true");
    event.target.textContent = say(row.dataset.open === "true" ? "fewer_columns" : "all_columns");
  }

  // ---- where one is ----

  #mark() {
    for (const cell of this.querySelectorAll("[data-name][tabindex='0']")) cell.tabIndex = -1;
    const cell = this.#cellOf(this.#at);
    if (cell) cell.tabIndex = 0;
  }

  #focus() {
    const cell = this.#cellOf(this.#at);
    cell?.focus({ preventScroll: true });
    cell?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  #entered(event) {
    const cell = event.target.closest("[data-name]");
    if (!cell) return;
    const at = { key: cell.closest("tr").dataset.key, name: cell.dataset.name };
    if (at.key !== this.#at.key || at.name !== this.#at.name) {
      this.#at = at;
      this.#mark();
    }
    this.#hint();
  }

  #hint() {
    const line = this.#book.line(this.#at.key);
    const column = this.#book.column(this.#at.name);
    if (!line || !column) {
      this.dispatchEvent(new CustomEvent("hint", { detail: "" }));
      return;
    }
    const problem = line.problems.find((one) => one.column === column.name)?.reason;
    const fixed = column.readonly ? say("readonly") : column.fixed && line.base ? say("fixed") : null;
    const old = line.base && !same(line.base.values[column.name], line.at(column)) ? shown(column, line.base.values[column.name], this.#book.names, line.base.values, this.#book.groups) || say("empty") : null;
    const told = [problem, old ? say("change", { column: column.label, before: old, after: shown(column, line.at(column), this.#book.names, line.all, this.#book.groups) || say("empty") }) : null, fixed, column.help];
    this.dispatchEvent(new CustomEvent("hint", { detail: told.filter(Boolean).join(" ") }));
  }

  /** Go to a cell, if it is there. */
  go(key, name = null) {
    this.#at = { key, name: name ?? this.#names[0] };
    this.#mark();
    this.#focus();
  }

  #move(rows, columns) {
    const keys = this.#book.lines.map((line) => line.key);
    const names = this.#names;
    const row = Math.max(0, Math.min(keys.length - 1, keys.indexOf(this.#at.key) + rows));
    const column = Math.max(0, Math.min(names.length - 1, names.indexOf(this.#at.name) + columns));
    this.go(keys[row], names[column]);
  }

  #next(by) {
    const names = this.#names;
    const keys = this.#book.lines.map((line) => line.key);
    const flat = keys.indexOf(this.#at.key) * names.length + names.indexOf(this.#at.name) + by;
    if (flat < 0 || flat >= keys.length * names.length) return;
    this.go(keys[Math.floor(flat / names.length)], names[flat % names.length]);
  }

  // ---- changing ----

  #key(event) {
    if (event.isComposing) return;
    if (this.#editing) {
      this.#editingKey(event);
      return;
    }
    const cell = event.target.closest("[data-name]");
    if (!cell) return;
    if (event.target !== cell) {
      // In the buttons of a row's end.
      if (event.key === "Escape") this.#focus();
      if (event.key === "ArrowRight" || event.key === "ArrowLeft") this.#walk(event);
      return;
    }
    const control = event.ctrlKey || event.metaKey;
    if (MOVES[event.key]) this.#move(...MOVES[event.key]);
    else if (event.key === "Home") this.go(control ? this.#book.lines[0].key : this.#at.key, this.#names[0]);
    else if (event.key === "End") this.go(control ? this.#book.lines.at(-1).key : this.#at.key, this.#names.at(-1));
    else if (event.key === "Enter" || event.key === "F2") this.#begin();
    else if (event.key === " ") this.#begin();
    else if (event.key === "Delete" || event.key === "Backspace") this.#clear();
    else if (control && event.key.toLowerCase() === "z") this.#back();
    else if (event.key.length === 1 && !control && !event.altKey) this.#type(event.key);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #walk(event) {
    const all = [...event.target.closest("[data-name]").querySelectorAll("button")].filter((button) => button.offsetParent);
    all[(all.indexOf(event.target) + (event.key === "ArrowRight" ? 1 : all.length - 1)) % all.length].focus();
    event.preventDefault();
  }

  // What is typed begins a field anew; where nothing can be typed, it opens what can be chosen.
  #type(letter) {
    const [line, column] = this.#here();
    if (!column || !editable(column, line)) return;
    const type = typeOf(column, line.all);
    if (type !== "flag") this.#begin(inline(column, line.all) && !PICKED.has(type) ? letter : null);
  }

  #here() {
    return [this.#book.line(this.#at.key), this.#book.column(this.#at.name)];
  }

  #click(event) {
    if (event.target.closest("button, .cell-field")) return;
    const cell = event.target.closest("tbody [data-name]");
    if (!cell) return;
    if (this.#editing) this.#commit();
    this.go(cell.closest("tr").dataset.key, cell.dataset.name);
    if (cell.dataset.name !== STATE) this.#begin();
  }

  #begin(typed = null) {
    const [line, column] = this.#here();
    if (!column) {
      this.#cellOf(this.#at)?.querySelector("button:not([hidden])")?.focus();
      return;
    }
    if (!line || !editable(column, line)) return;
    if (typeOf(column, line.all) === "flag") this.#put(line, column, this.#switched(line.at(column), column.required));
    else if (inline(column, line.all)) this.#open(line, column, typed);
    else this.#ask(line, column);
  }

  // Where an answer may be missing, yes and no are followed by none.
  #switched(value, needed) {
    if (needed) return !value;
    return value === null ? true : value ? false : null;
  }

  #open(line, column, typed) {
    const cell = this.#cellOf(this.#at);
    const control = field(column, line, this.#book.names, typed);
    this.#editing = { key: line.key, column, control };
    cell.querySelector(".shown").replaceChildren(control);
    control.focus();
    control.addEventListener("blur", () => { if (this.#editing?.control === control) this.#commit(); });
    if (control.localName === "select") control.addEventListener("change", () => { this.#commit(); this.#focus(); });
  }

  #editingKey(event) {
    if (event.key === "Escape") this.#stop();
    else if (event.key === "Enter") { this.#commit(); this.#move(event.shiftKey ? -1 : 1, 0); }
    else if (event.key === "Tab") { this.#commit(); this.#next(event.shiftKey ? -1 : 1); }
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #stop() {
    const { key } = this.#editing;
    this.#editing = null;
    this.redraw(key);
    this.#focus();
  }

  #commit() {
    const { key, column, control } = this.#editing;
    const line = this.#book.line(key);
    this.#editing = null;
    if (line) this.#put(line, column, valueOf(column, control, line.all));
  }

  async #ask(line, column) {
    const { names, groups } = this.#book;
    const title = say("edit_of", { row: this.titleOf(line), column: column.label });
    const value = await askValue({ column, line, title, names, groups });
    if (value !== undefined) this.#put(line, column, value);
    this.#focus();
  }

  #put(line, column, value) {
    if (same(line.at(column), value)) this.redraw(line.key);
    else this.#book.set(line, column.name, value);
    this.#hint();
  }

  #clear() {
    const [line, column] = this.#here();
    if (column && editable(column, line) && typeOf(column, line.all) !== "flag") this.#put(line, column, column.empty);
  }

  #back() {
    const [line, column] = this.#here();
    if (column && line.base) this.#book.undo(line, column.name);
  }
}

customElements.define("setup-grid", SetupGrid);
