// The workshop's page, put together.

import { askYes, prepareDialogs } from "./dialogs.js";
import { listen } from "./keys.js";
import "./login.js";
import { Acts, KEYS, buttonsOf, why } from "./service_acts.js";
import { ServiceApi } from "./service_api.js";
import { closeAll } from "./service_ask.js";
import { Board } from "./service_board.js";
import { drawHead, drawPlaces } from "./service_head.js";
import "./service_line.js";
import "./service_list.js";
import "./service_panel.js";
import { moved, today, weekday } from "./service_time.js";
import { matches, say } from "./service_words.js";
import { label, named } from "./shared/labels.js";
import { Line } from "./shared/socket.js";
import { now, observe } from "./shared/times.js";

const POLL = 10_000;
const NARROW = 700;
const config = JSON.parse(document.getElementById("config").textContent);
const find = (selector) => document.querySelector(selector);
const part = (name) => find(`[data-part=${name}]`);

const api = new ServiceApi();
const board = new Board(api, config.permissions);
const acts = new Acts(api, board, (text) => tell(text, "done"));
const [login, line, list, panel] = ["desk-login", "day-line", "day-list", "booking-panel"].map(find);
let wire = null;
let signedIn = false;
let view = localStorage.getItem("pitstop.service.view");

function tell(text, where = "notice") {
  const notice = part(where);
  notice.textContent = text;
  notice.hidden = false;
  clearTimeout(tell[where]);
  tell[where] = setTimeout(() => { notice.hidden = true; }, 6_000);
}

const seen = () => view ?? (innerWidth < NARROW ? "list" : "line");
const filter = () => part("filter").value;

// ---- what is looked at ----

function remember() {
  localStorage.setItem("pitstop.service.place", board.place);
  const query = new URLSearchParams({ place: board.place });
  if (board.date !== today()) query.set("day", board.date);
  if (board.chosen) query.set("booking", board.chosen);
  history.replaceState(null, "", `?${query}`);
}

function draw() {
  const { day, chosen } = board;
  document.body.dataset.open = String(Boolean(chosen));
  const drawn = seen() === "line";
  line.hidden = !drawn || !day;
  list.hidden = drawn || !day;
  for (const button of document.querySelectorAll("[data-view]")) button.setAttribute("aria-pressed", String(button.dataset.view === seen()));
  (drawn ? line : list).show(day, chosen, filter(), Math.floor(now() / 60_000));
  drawHead(board, { drawn, lift: (closure) => acts.lift(closure) });
  const fitting = day?.bookings.filter((one) => matches(one, filter())) ?? [];
  part("none").hidden = !day || fitting.length > 0;
  part("none").textContent = say(day?.bookings.length ? "no_match" : "none");
  part("close-place").hidden = !board.may("work_service");
}

async function attempt(work) {
  try {
    await work();
    part("stale").hidden = true;
  } catch (error) {
    if (error.status !== 401) tell(why(error));
    part("stale").hidden = false;
  }
}

async function refresh() {
  if (!signedIn || !board.place) return;
  try {
    await board.refresh();
    part("stale").hidden = true;
  } catch {
    // Shown until a read succeeds: a day that nobody checks must not look like the truth.
    part("stale").hidden = false;
  }
}

function turn(place, date) {
  part("day").value = date;
  part("place").value = place;
  part("weekday").textContent = weekday(date);
  return attempt(async () => {
    if (place !== board.place) await choose(null);
    await board.turn(place, date);
    remember();
  });
}

const go = (by) => turn(board.place, by ? moved(board.date, by) : today());

function choose(id) {
  return attempt(async () => {
    await board.choose(id);
    remember();
    if (id && innerWidth <= 1120) panel.focus();
  });
}

function shut() {
  const id = board.chosen;
  choose(null).then(() => { if (id) (seen() === "line" ? line : list).focusOn(id); });
}

function step(by) {
  const shown = seen() === "line" ? line : list;
  const ids = seen() === "line"
    ? board.day?.bookings.filter((one) => matches(one, filter())).map((one) => one.id) ?? []
    : [...list.querySelectorAll(".row")].map((row) => row.dataset.id);
  const at = ids.indexOf(shown.focused ?? board.chosen);
  // What stands in no lane is passed over.
  for (let next = at < 0 && by < 0 ? ids.length - 1 : at + by; next >= 0 && next < ids.length; next += by) {
    if (shown.focusOn(ids[next])) return;
  }
}

function turnView(to) {
  view = to;
  localStorage.setItem("pitstop.service.view", to);
  draw();
}

// ---- live ----

let soon = null;
function news(frame) {
  if (frame.message?.created_at) observe(frame.message.created_at);
  // Several pushes tell of one thing: they are read together.
  soon ??= setTimeout(() => { soon = null; refresh(); }, 120);
}

function dial() {
  wire?.close();
  wire = new Line("/api/desk/ws", {
    ticket: () => api.ticket(),
    open: () => { part("line").hidden = true; refresh(); },
    lost: () => { part("line").hidden = false; },
    news,
  });
  wire.connect();
}

// ---- beginning ----

async function begin() {
  try {
    board.me = await api.me();
    await board.begin();
  } catch (error) {
    if (error.status !== 401) {
      tell(why(error));
      if (error.status !== 403) setTimeout(begin, POLL);
    }
    return;
  }
  signedIn = true;
  login.hidden = true;
  part("desk").hidden = false;
  part("me").textContent = `${board.me.user.name} · ${named("roles", board.me.role)}`;
  part("to-desk").hidden = !board.may("see_queue");
  part("to-setup").hidden = !board.may("manage_setup");
  drawPlaces(part("place"), board.places);
  const asked = new URLSearchParams(location.search);
  const known = (id) => board.places.some((one) => one.id === id);
  const place = [board.place, asked.get("place"), localStorage.getItem("pitstop.service.place"), board.places[0]?.id].find(known);
  if (!place) return;
  const date = board.date ?? (/^\d{4}-\d\d-\d\d$/.test(asked.get("day") ?? "") ? asked.get("day") : today());
  await turn(place, date);
  if (asked.get("booking") && !board.chosen) await choose(asked.get("booking"));
  // Without the desk's line the page is read anew every few seconds all the same.
  if (board.may("see_queue")) dial();
}

board.addEventListener("day", draw);
board.addEventListener("open", () => {
  draw();
  panel.show(board.open, {
    may: (action) => board.may(action),
    act: (name, more) => acts.act(name, board.open, more),
    reveal: (field) => api.act(board.open.id, "reveal", { field }),
  });
});
api.addEventListener("signed-out", () => {
  signedIn = false;
  wire?.close();
  closeAll();
  part("desk").hidden = true;
  login.show(api, config.demo);
});
login.addEventListener("signed-in", begin);
line.addEventListener("chosen", ({ detail }) => choose(detail));
list.addEventListener("chosen", ({ detail }) => choose(detail));
panel.addEventListener("closed", shut);
part("place").addEventListener("change", () => turn(part("place").value, board.date));
part("day").addEventListener("change", () => { if (part("day").value) turn(board.place, part("day").value); });
part("filter").addEventListener("input", draw);
part("filter").addEventListener("keydown", (event) => {
  if (event.key !== "Escape" && event.key !== "Enter") return;
  part("filter").blur();
  if (event.key === "Enter") step(1);
});
for (const button of document.querySelectorAll("[data-day]")) button.addEventListener("click", () => go(Number(button.dataset.day)));
for (const button of document.querySelectorAll("[data-view]")) button.addEventListener("click", () => turnView(button.dataset.view));
part("close-place").addEventListener("click", () => acts.close());
part("help").addEventListener("click", () => askYes("help"));
part("logout").addEventListener("click", async () => {
  try {
    await api.logOut();
  } finally {
    location.reload();
  }
});
addEventListener("resize", () => { if (!view && board.day) draw(); });

const here = (action) => () => { if (signedIn) action(); };
const doing = Object.fromEntries(Object.entries(KEYS).map(([name, key]) => [key, here(() => {
  if (!board.open || !board.may("work_service")) return;
  const button = buttonsOf(board.open).find((one) => one.name === name);
  if (button) acts.act(name, board.open, button.more);
})]));
listen({
  ...doing,
  ArrowLeft: here(() => go(-1)),
  ArrowRight: here(() => go(1)),
  t: here(() => go(0)),
  j: here(() => step(1)),
  k: here(() => step(-1)),
  l: here(() => turnView(seen() === "line" ? "list" : "line")),
  p: here(() => { if (board.may("work_service")) acts.close(); }),
  "/": here(() => part("filter").focus()),
  Escape: here(() => { if (board.chosen) shut(); }),
  "?": here(() => askYes("help")),
});

prepareDialogs();
setInterval(() => { if (!document.hidden) refresh(); }, POLL);
begin();
