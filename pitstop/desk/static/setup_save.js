// The dialogs that say what will change before anything does: saving, and a file coming in.

import { called, newId, say, why } from "./setup_words.js";
import { el } from "./shared/dom.js";
import { named } from "./shared/labels.js";
import { moment } from "./shared/times.js";

const MOST = 100; // rows that a list shows

const part = (dialog, name) => dialog.querySelector(`[data-part=${name}]`);

function changeText(change, columns) {
  const column = columns.get(change.column)?.label ?? change.column;
  const empty = say("empty");
  const values = { column, before: change.before || empty, after: change.after || empty };
  return say(change.before ? "change" : "given", values);
}

function booking(one) {
  return say("booking", { reference: one.reference, time: moment(one.start), kind: named("cards.kinds", one.kind) });
}

/** Return what a batch would do to one row. */
function item(row, columns, numbered) {
  const state = row.problems.length ? "bad" : row.action;
  return el(
    "article", { class: "planned", "data-state": state },
    el(
      "h3", {}, el("span", { class: "badge", "data-state": state }, called("states", state)),
      " ", numbered ? el("span", { class: "muted" }, `${say("line", { row: row.row })} `) : null, row.title || say("new_row"),
    ),
    row.problems.length ? el("ul", {}, ...row.problems.map((problem) => el(
      "li", { class: "wrong" }, problem.column ? say("problem", { column: columns.get(problem.column)?.label ?? problem.column, reason: problem.reason }) : problem.reason,
    ))) : null,
    row.changes.length && row.action !== "remove" ? el("ul", {}, ...row.changes.map((change) => el("li", {}, changeText(change, columns)))) : null,
    row.relying.length ? el(
      "details", { class: "relying", open: row.relying.length <= 5 },
      el("summary", {}, say("relying", { count: row.relying.length })),
      el("ul", {}, ...row.relying.map((one) => el("li", {}, booking(one)))),
    ) : null,
  );
}

function columnsOf(table) {
  return new Map(table.columns.map((column) => [column.name, column]));
}

/** Fill a dialog with what a batch would do; return the bookings that it breaks. */
function fill(dialog, found, table, numbered) {
  const columns = columnsOf(table);
  // What is wrong and what breaks a promise comes first.
  const weight = (row) => (row.problems.length ? 0 : row.relying.length ? 1 : 2);
  const rows = [...found.rows].sort((one, other) => weight(one) - weight(other));
  part(dialog, "changes").replaceChildren(...rows.slice(0, MOST).map((row) => item(row, columns, numbered)));
  if (rows.length > MOST) part(dialog, "changes").append(el("p", { class: "muted" }, say("import_more", { count: rows.length - MOST })));
  part(dialog, "changes").hidden = !rows.length;
  const form = dialog.querySelector("form");
  const broken = [...new Set(found.rows.filter((row) => !row.problems.length).flatMap((row) => row.relying.map((one) => one.id)))];
  part(dialog, "agree").hidden = !broken.length;
  part(dialog, "agree").querySelector("span").textContent = say("understood");
  form.elements.agree.checked = false;
  const { bad, add, change, remove } = found.counts;
  const good = add + change + remove;
  part(dialog, "only").hidden = !bad || !good;
  part(dialog, "only").querySelector("span").textContent = say("only_good", { count: bad });
  form.elements.only.checked = false;
  const judge = () => {
    part(dialog, "yes").disabled = !good || (bad > 0 && !form.elements.only.checked) || (broken.length > 0 && !form.elements.agree.checked);
  };
  form.onchange = judge;
  judge();
  return broken;
}

function trouble(dialog, text) {
  part(dialog, "problem").textContent = text;
  part(dialog, "problem").hidden = !text;
}

function opened(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

/** Show what was changed and save it on a yes; promises what came of it, null for a no. */
export async function saveDialog(book) {
  const dialog = document.getElementById("save");
  const found = await book.check();
  if (!found) return null;
  const broken = fill(dialog, found, book.table, false);
  part(dialog, "sums").textContent = say("counts", found.counts);
  trouble(dialog, "");
  if (!(await opened(dialog))) return null;
  const { agree, only } = dialog.querySelector("form").elements;
  return book.save({ force: agree.checked ? broken : [], partly: only.checked });
}

/** Take in a file: show what it would change, write it on a yes; promises what came of it. */
export function importDialog(book, api) {
  const dialog = document.getElementById("import");
  const form = dialog.querySelector("form");
  const table = book.table;
  const own = { found: null, broken: [], id: null, content: null, done: null };
  form.reset();
  const empty = () => {
    own.found = null;
    for (const name of ["changes", "agree", "only"]) part(dialog, name).hidden = true;
    part(dialog, "warnings").replaceChildren();
    part(dialog, "sums").textContent = "";
    part(dialog, "yes").disabled = true;
    trouble(dialog, "");
  };
  empty();
  const look = async () => {
    const [file] = form.elements.file.files;
    empty();
    if (!file) return;
    part(dialog, "sums").textContent = say("reading");
    try {
      const found = await api.file(table.name, file);
      if (form.elements.file.files[0] !== file) return;
      own.found = found;
      own.broken = fill(dialog, found, table, true);
      part(dialog, "sums").textContent = say("import_counts", found.counts);
      part(dialog, "warnings").replaceChildren(...found.warnings.map((warning) => el("li", {}, warning)));
    } catch (error) {
      part(dialog, "sums").textContent = "";
      trouble(dialog, why(error));
    }
  };
  form.elements.file.onchange = look;
  form.onsubmit = async (event) => {
    event.preventDefault();
    const { agree, only, file } = form.elements;
    if (!own.found || !file.files[0]) return;
    const options = { seen: own.found.seen, all_or_nothing: !only.checked, force: agree.checked ? own.broken : [] };
    const content = JSON.stringify(options);
    if (own.content !== content) [own.content, own.id] = [content, newId()];
    part(dialog, "yes").disabled = true;
    trouble(dialog, "");
    try {
      own.done = await api.file(table.name, file.files[0], { ...options, client_id: own.id });
      if (own.done.saved) dialog.close("yes");
      else await look().then(() => trouble(dialog, own.done.message ?? say("nothing")));
    } catch (error) {
      const outdated = error.code === "preview_outdated";
      if (outdated) await look();
      trouble(dialog, why(error));
      part(dialog, "yes").disabled = outdated && part(dialog, "yes").disabled;
    }
  };
  return opened(dialog).then(() => {
    form.onsubmit = null;
    return own.done?.saved ? own.done : null;
  });
}
