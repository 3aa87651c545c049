// What the page knows: the tables, the rows that are looked at, and what was changed of them.

import { same } from "./setup_show.js";
import { newId } from "./setup_words.js";

const PAGE = 200;
const CHECK_AFTER = 500;

/** A row on the page: as it is (`base`, null for a new one), and what was changed of it. */
class Line {
  constructor(key, base) {
    this.key = key;
    this.base = base;
    this.values = {};
    this.remove = false;
    this.problems = [];
    this.relying = [];
    this.theirs = null;
  }

  get dirty() {
    return this.remove || !this.base || Object.keys(this.values).length > 0;
  }

  /** Return what a column holds now. */
  at(column) {
    if (column.name in this.values) return this.values[column.name];
    return this.base ? this.base.values[column.name] : column.default;
  }

  /** Return all values, for whoever needs to know the whole row. */
  get all() {
    return { ...(this.base?.values ?? {}), ...this.values };
  }

  get state() {
    if (this.theirs) return "conflict";
    if (this.problems.length) return "bad";
    if (this.remove) return "remove";
    if (!this.base) return "add";
    return this.dirty ? "change" : "unchanged";
  }

  /** Return the row as it is sent. */
  get sent() {
    return { key: this.base?.key ?? null, digest: this.base?.digest ?? null, values: this.values, remove: this.remove };
  }
}

/** Emits "rows" (another list), "line" (one row changed; its key) and "checked". */
export class Book extends EventTarget {
  #api;
  #drafts = new Map();
  #asked = 0;
  #checked = 0;
  #timer = null;
  #made = 0;
  #sent = { content: null, id: null };

  constructor(api) {
    super();
    this.#api = api;
    this.tables = [];
    this.places = [];
    this.groups = {};
    this.rules = null;
    this.now = null;
    this.table = null;
    this.names = {};
    this.rows = [];
    this.total = 0;
    this.loading = false;
    this.filter = { city: "", place: "", q: "", past: false };
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** Read what there is to change. */
  async begin() {
    const { tables, places, groups, rules, now } = await this.#api.overview();
    Object.assign(this, { tables, places, groups, rules, now });
    for (const { name } of tables) if (!this.#drafts.has(name)) this.#drafts.set(name, new Map());
  }

  get columns() {
    return this.table.columns.filter((column) => !column.quiet);
  }

  column(name) {
    return this.table.columns.find((column) => column.name === name);
  }

  /** Return what was changed in a table, the new rows first. */
  drafts(name = this.table.name) {
    return [...(this.#drafts.get(name)?.values() ?? [])];
  }

  /** Return the rows to show: new ones, then what was changed and is not looked at, then the rest. */
  get lines() {
    const seen = new Set(this.rows.map((line) => line.key));
    return [...this.drafts().filter((line) => !seen.has(line.key)), ...this.rows];
  }

  line(key) {
    return this.#drafts.get(this.table.name).get(key) ?? this.rows.find((line) => line.key === key);
  }

  get query() {
    const { city, place, q, past } = this.filter;
    const query = {};
    if (this.table.of_place && city) query.city = city;
    if (this.table.of_place && place) query.place = place;
    if (q.trim()) query.q = q.trim();
    if (this.table.of_days && past) query.past = "1";
    return query;
  }

  /** Look at another table. */
  turn(name) {
    this.table = this.tables.find((table) => table.name === name);
    this.rows = [];
    this.total = 0;
    this.loading = true;
    this.#tell("rows");
    return this.read();
  }

  /** Read the rows anew. */
  async read() {
    const asked = ++this.#asked;
    const found = await this.#api.rows(this.table.name, { ...this.query, limit: PAGE });
    if (asked !== this.#asked) return;
    this.rows = [];
    this.#take(found);
  }

  /** Read the rows that follow. */
  async more() {
    const asked = ++this.#asked;
    const found = await this.#api.rows(this.table.name, { ...this.query, limit: PAGE, offset: this.rows.length });
    if (asked === this.#asked) this.#take(found);
  }

  #take({ rows, total, names }) {
    const drafts = this.#drafts.get(this.table.name);
    // What was changed stays changed, against the version that it was changed from.
    this.rows.push(...rows.map((row) => drafts.get(row.key) ?? new Line(row.key, row)));
    this.total = total;
    this.loading = false;
    for (const [kind, found] of Object.entries(names)) this.names[kind] = { ...this.names[kind], ...found };
    this.#tell("rows");
  }

  /** Add a row, at the place that is looked at. */
  add() {
    const line = new Line(`+${++this.#made}`, null);
    if (this.filter.place && this.column("place_id")) line.values.place_id = this.filter.place;
    this.#drafts.get(this.table.name).set(line.key, line);
    this.#tell("rows");
    this.#later();
    return line;
  }

  /** Change what a column of a row holds. */
  set(line, name, value) {
    if (line.base && same(line.base.values[name], value)) delete line.values[name];
    else line.values[name] = value;
    line.problems = line.problems.filter((problem) => problem.column !== name && problem.column);
    this.#changed(line);
  }

  /** Take back what was changed of a row, or of one column of it. */
  undo(line, name = null) {
    if (name) {
      delete line.values[name];
    } else {
      line.values = {};
      line.remove = false;
      line.problems = [];
      line.relying = [];
      line.theirs = null;
      if (!line.base) {
        this.#drafts.get(this.table.name).delete(line.key);
        this.#tell("rows");
        this.#tell("checked");
        return;
      }
    }
    this.#changed(line);
  }

  /** Have a row deleted; a new one just goes. */
  remove(line) {
    if (!line.base) {
      this.undo(line);
      return;
    }
    line.remove = true;
    this.#changed(line);
  }

  /** Go on from what somebody else made of a row; `mine`: with what was changed here. */
  settle(line, mine) {
    line.base = line.theirs;
    line.theirs = null;
    line.problems = [];
    if (!mine) line.values = {};
    for (const name of Object.keys(line.values)) if (same(line.base.values[name], line.values[name])) delete line.values[name];
    this.#changed(line);
  }

  #changed(line) {
    const drafts = this.#drafts.get(this.table.name);
    if (line.dirty) drafts.set(line.key, line);
    else drafts.delete(line.key);
    if (!line.dirty) Object.assign(line, { problems: [], relying: [], theirs: null });
    this.#tell("line", line.key);
    this.#later();
  }

  #later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.check().catch(() => {}), CHECK_AFTER);
    this.#tell("checked");
  }

  /** Have what was changed checked; promises what it would do, null where nothing was changed. */
  async check() {
    clearTimeout(this.#timer);
    const lines = this.drafts();
    const asked = ++this.#checked;
    if (!lines.length) return null;
    const table = this.table.name;
    const found = await this.#api.check(table, lines.map((line) => line.sent));
    if (asked !== this.#checked || table !== this.table.name) return null;
    this.#judge(lines, found.rows);
    return { ...found, lines };
  }

  #judge(lines, rows) {
    const told = new Map(rows.map((row) => [row.row, row]));
    lines.forEach((line, at) => {
      const { problems = [], relying = [] } = told.get(at) ?? {};
      const before = JSON.stringify([line.problems, line.relying, line.state]);
      line.problems = problems.filter((problem) => problem.code !== "changed_meanwhile" || !line.theirs);
      line.relying = relying;
      if (before !== JSON.stringify([line.problems, line.relying, line.state])) this.#tell("line", line.key);
    });
    this.#tell("checked");
  }

  /** Save what was changed; promises what came of it. `force`: bookings that were seen. */
  async save({ force = [], partly = false } = {}) {
    const lines = this.drafts();
    const body = { rows: lines.map((line) => line.sent), force, all_or_nothing: !partly };
    const content = JSON.stringify([this.table.name, body]);
    // The same again is sent under the same id: whatever was lost was only the answer.
    if (this.#sent.content !== content) this.#sent = { content, id: newId() };
    const result = await this.#api.save(this.table.name, { ...body, client_id: this.#sent.id });
    const refused = new Map(result.refused.map((one) => [one.row, one]));
    const drafts = this.#drafts.get(this.table.name);
    lines.forEach((line, at) => {
      const no = refused.get(at);
      if (no) {
        line.problems = no.problems;
        line.relying = no.relying;
        line.theirs = no.now;
      } else if (result.saved) {
        drafts.delete(line.key);
      }
    });
    await this.read();
    this.#tell("checked");
    return result;
  }

  /** Forget what was changed in this table. */
  discard() {
    this.#drafts.get(this.table.name).clear();
    return this.read().then(() => this.#tell("checked"));
  }

  /** Return how much was changed in this table, and in which others. */
  get dirty() {
    const lines = this.drafts();
    const others = this.tables.filter((table) => table !== this.table).map((table) => ({ label: table.label, rows: this.drafts(table.name).length }));
    return {
      rows: lines.length,
      cells: lines.reduce((sum, line) => sum + Math.max(1, Object.keys(line.values).length), 0),
      bad: lines.filter((line) => line.problems.length).length,
      others: others.filter((other) => other.rows),
    };
  }
}
