// The page of supervisors, put together.

import { askYes, prepareDialogs } from "./dialogs.js";
import { listen } from "./keys.js";
import "./login.js";
import { SetupApi } from "./setup_api.js";
import { Book } from "./setup_book.js";
import "./setup_grid.js";
import { importDialog, saveDialog } from "./setup_save.js";
import { say, why } from "./setup_words.js";
import { el } from "./shared/dom.js";
import { named } from "./shared/labels.js";
import { mark, observe } from "./shared/times.js";

const AGAIN = 10_000;
const TYPING = 300;
const KEPT = "pitstop.setup";
const config = JSON.parse(document.getElementById("config").textContent);
const part = (name) => document.querySelector(`[data-part=${name}]`);

const api = new SetupApi();
const book = new Book(api);
const [login, grid] = ["desk-login", "setup-grid"].map((name) => document.querySelector(name));
let signedIn = false;

function tell(text, where = "notice") {
  const notice = part(where);
  notice.textContent = text;
  notice.hidden = false;
  clearTimeout(tell[where]);
  tell[where] = setTimeout(() => { notice.hidden = true; }, 8_000);
}

async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    if (error.status !== 401) tell(why(error));
    return null;
  }
}

// ---- what is looked at ----

function remember() {
  const { city, place } = book.filter;
  const query = new URLSearchParams({ table: book.table.name });
  if (city) query.set("city", city);
  if (place) query.set("place", place);
  history.replaceState(null, "", `?${query}`);
  localStorage.setItem(KEPT, JSON.stringify({ table: book.table.name, city, place }));
}

function asked() {
  let kept = {};
  try {
    kept = JSON.parse(localStorage.getItem(KEPT)) ?? {};
  } catch {
    // Somebody else's words: we begin anew.
  }
  const query = new URLSearchParams(location.search);
  if (query.has("table")) kept = Object.fromEntries(query);
  const table = book.tables.find(({ name }) => name === kept.table)?.name ?? book.tables[0].name;
  const place = book.places.find(({ id }) => id === kept.place);
  const city = book.places.find((one) => one.city === kept.city)?.city ?? "";
  return { table, city, place: place && (!city || place.city === city) ? place.id : "" };
}

function drawTabs() {
  part("tables").replaceChildren(...book.tables.map((table) => el(
    "button",
    { type: "button", role: "tab", id: `table-${table.name}`, "data-table": table.name, "aria-controls": "setup-panel", onclick: () => turn(table.name) },
    table.label, el("span", { class: "dot", hidden: true, "aria-hidden": "true" }),
  )));
}

function drawFilter() {
  const { city, place } = book.filter;
  const cities = [...new Set(book.places.map((one) => one.city))];
  part("city").replaceChildren(el("option", { value: "" }, say("all_cities")), ...cities.map((name) => el("option", { value: name }, name)));
  part("city").value = city;
  const there = book.places.filter((one) => !city || one.city === city);
  part("place").replaceChildren(el("option", { value: "" }, say("all_places")), ...there.map((one) => el("option", { value: one.id }, one.name)));
  part("place").value = place;
  part("city-filter").hidden = !book.table.of_place;
  part("place-filter").hidden = !book.table.of_place;
  part("past-filter").hidden = !book.table.of_days;
  part("past").checked = book.filter.past;
  part("add").hidden = !book.table.addable;
}

function drawLinks() {
  for (const link of part("export").querySelectorAll("a")) {
    const query = { format: link.dataset.format, ...("template" in link.dataset ? { template: "1" } : book.query) };
    link.href = api.address(book.table.name, query);
  }
}

function draw() {
  const { table, rows, total, lines } = book;
  grid.show(book);
  const rules = table.name === "tariffs" && book.rules ? ` ${say("rules_by", { by: book.rules.by, time: mark(book.rules.at) })}` : "";
  part("about").textContent = table.help + rules;
  part("sums").textContent = book.loading ? "" : rows.length < total ? say("count_part", { shown: rows.length, count: total }) : say("count", { count: total });
  part("none").hidden = book.loading || lines.length > 0;
  part("none").textContent = say(Object.keys(book.query).length ? "none" : "none_at_all");
  part("more").hidden = rows.length >= total;
  part("more").textContent = say("more");
  part("hint").textContent = "";
  drawLinks();
  drawDirty();
}

function drawDirty() {
  if (!book.table) return;
  const { rows, cells, bad, others } = book.dirty;
  part("saving").hidden = !rows && !others.length;
  const told = [
    rows ? say(bad ? "dirty_bad" : "dirty", { rows, cells, bad }) : null,
    ...others.map((other) => say("dirty_elsewhere", { table: other.label, rows: other.rows })),
  ];
  const text = told.filter(Boolean).join(" · ");
  if (part("dirty").textContent !== text) part("dirty").textContent = text;
  part("save").disabled = !rows;
  part("discard").disabled = !rows;
  for (const tab of part("tables").children) tab.querySelector(".dot").hidden = !book.drafts(tab.dataset.table).length;
}

async function turn(name) {
  for (const tab of part("tables").children) {
    const chosen = tab.dataset.table === name;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
    if (chosen) tab.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  part("panel").setAttribute("aria-labelledby", `table-${name}`);
  const table = book.tables.find((one) => one.name === name);
  document.title = say("title", { table: table.label });
  book.filter.q = part("search").value = "";
  await attempt(async () => {
    const reading = book.turn(name);
    drawFilter();
    await reading;
    remember();
    // What was changed here before may have been overtaken.
    if (book.drafts().length) await book.check();
  });
}

const reread = () => attempt(async () => { await book.read(); remember(); });

// ---- saving ----

let saving = false;
async function save() {
  if (saving || !signedIn || !book.drafts().length) return;
  saving = true;
  const result = await attempt(() => saveDialog(book));
  saving = false;
  if (result) finished(result);
}

async function finished(result) {
  const counts = [["add", result.added.length], ["change", result.changed.length], ["remove", result.removed.length]];
  const done = counts.filter(([, count]) => count).map(([what, count]) => say(`saved_counts.${what}`, { count })).join(say("and"));
  if (result.refused.length) tell(result.saved ? say("partly", { count: result.refused.length }) : say("not_saved"));
  const { affected, broken } = result;
  const told = affected.length ? say(broken.length ? "saved_broken" : "saved_kept", { count: affected.length, broken: broken.length }) : say("saved", { done });
  if (result.saved) tell(told, "done");
  // Places and names may be others now.
  await attempt(() => book.begin());
  drawFilter();
  draw();
}

async function takeIn() {
  const result = await importDialog(book, api);
  if (!result) return;
  await reread();
  await finished(result);
}

function add() {
  const line = book.add();
  const first = book.columns.find((column) => !column.readonly && (column.required || column.fixed)) ?? book.columns[0];
  grid.go(line.key, first.name);
}

// ---- beginning ----

async function begin() {
  try {
    book.me = await api.me();
    await book.begin();
  } catch (error) {
    if (error.status !== 401) {
      tell(why(error));
      if (error.status !== 403) setTimeout(begin, AGAIN);
    }
    return;
  }
  signedIn = true;
  login.hidden = true;
  part("desk").hidden = false;
  observe(book.now);
  part("me").textContent = `${book.me.user.name} · ${named("roles", book.me.role)}`;
  const may = config.permissions[book.me.role] ?? [];
  part("to-desk").hidden = !may.includes("see_queue");
  part("to-service").hidden = !may.includes("see_service");
  drawTabs();
  const { table, city, place } = asked();
  Object.assign(book.filter, { city, place });
  await turn(book.table?.name ?? table);
}

book.addEventListener("rows", draw);
book.addEventListener("line", ({ detail }) => grid.redraw(detail));
book.addEventListener("checked", drawDirty);
grid.addEventListener("hint", ({ detail }) => { part("hint").textContent = detail; });
api.addEventListener("signed-out", () => {
  signedIn = false;
  part("desk").hidden = true;
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close("no");
  login.show(api, config.demo);
});
login.addEventListener("signed-in", begin);

part("city").addEventListener("change", () => {
  book.filter.city = part("city").value;
  book.filter.place = "";
  drawFilter();
  reread();
});
part("place").addEventListener("change", () => { book.filter.place = part("place").value; reread(); });
part("past").addEventListener("change", () => { book.filter.past = part("past").checked; reread(); });
let typing = null;
part("search").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => { book.filter.q = part("search").value; reread(); }, TYPING);
});
part("search").addEventListener("keydown", (event) => { if (event.key === "Escape") part("search").blur(); });
part("more").addEventListener("click", () => attempt(() => book.more()));
part("add").addEventListener("click", add);
part("import").addEventListener("click", takeIn);
part("save").addEventListener("click", save);
part("discard").addEventListener("click", async () => { if (await askYes("discard")) attempt(() => book.discard()); });
part("help").addEventListener("click", () => askYes("help"));
part("logout").addEventListener("click", async () => {
  try {
    await api.logOut();
  } finally {
    location.reload();
  }
});
part("export").addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !part("export").open) return;
  part("export").open = false;
  part("export").querySelector("summary").focus();
});
document.addEventListener("click", (event) => {
  if (!part("export").contains(event.target) || event.target.closest("a")) part("export").open = false;
});
part("tables").addEventListener("keydown", (event) => {
  if (event.key !== "ArrowRight" && event.key !== "ArrowLeft") return;
  const all = [...part("tables").children];
  const next = all[(all.indexOf(event.target.closest("[role=tab]")) + (event.key === "ArrowRight" ? 1 : -1) + all.length) % all.length];
  next.focus();
  turn(next.dataset.table);
});
document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "s") return;
  event.preventDefault();
  if (document.querySelector("dialog[open]")) return;
  document.activeElement?.blur();
  save();
});
addEventListener("beforeunload", (event) => {
  if (signedIn && book.tables.some(({ name }) => book.drafts(name).length)) event.preventDefault();
});

const here = (action) => () => { if (signedIn) action(); };
listen({
  n: here(() => { if (book.table?.addable) add(); }),
  "/": here(() => part("search").focus()),
  "?": here(() => askYes("help")),
});

prepareDialogs();
begin();
