// The desk, put together.

import { DeskApi } from "./api.js";
import "./cases.js";
import "./customer.js";
import { Desk } from "./desk.js";
import { askYes, prepareDialogs } from "./dialogs.js";
import { listen } from "./keys.js";
import "./knowledge.js";
import "./login.js";
import "./queue.js";
import { label, named } from "./shared/labels.js";
import { Line } from "./shared/socket.js";
import { observe } from "./shared/times.js";
import "./talk.js";

const POLL = 10_000;
const config = JSON.parse(document.getElementById("config").textContent);
const find = (selector) => document.querySelector(selector);
const part = (name) => find(`[data-part=${name}]`);

const api = new DeskApi();
const desk = new Desk(api, config.permissions);
const [login, list, talk, card, cases, knowledge] = ["desk-login", "handoff-list", "desk-talk", "customer-card", "case-list", "knowledge-desk"].map(find);
let line = null;
let signedIn = false;

function tell(text) {
  const notice = part("notice");
  notice.textContent = text;
  notice.hidden = false;
  clearTimeout(tell.over);
  tell.over = setTimeout(() => { notice.hidden = true; }, 6_000);
}

function connected(stands) {
  part("line").hidden = stands;
}

async function refresh() {
  if (!signedIn || !desk.may("see_queue")) return;
  try {
    await desk.refresh();
    part("stale").hidden = true;
  } catch {
    // Shown until a read succeeds: clocks that nobody checks must not look like the truth.
    part("stale").hidden = false;
  }
}

let soon = null;
function news(frame) {
  if (frame.type === "service") return;  // the workshop's page listens to these
  // A line that was just said tells the server's time, which a demo may have moved.
  if (frame.message?.created_at) observe(frame.message.created_at);
  if (frame.type === "case" && !part("cases-tab").hidden) cases.refresh();
  // Several pushes tell of one thing: they are read together.
  soon ??= setTimeout(() => { soon = null; refresh(); }, 80);
}

function dial() {
  line?.close();
  line = new Line("/api/desk/ws", {
    ticket: () => api.ticket(),
    open: () => { connected(true); refresh(); },
    lost: () => connected(false),
    news,
  });
  line.connect();
}

function turnTo(name) {
  for (const tab of document.querySelectorAll("[data-tab]")) {
    const chosen = tab.dataset.tab === name;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
    document.getElementById(tab.getAttribute("aria-controls")).hidden = !chosen;
  }
  if (name === "cases") cases.refresh();
  if (name === "knowledge") knowledge.refresh();
}

function tabs() {
  const needed = { talks: "see_queue", cases: "see_cases", knowledge: "edit_knowledge" };
  const all = [...document.querySelectorAll("[data-tab]")];
  for (const tab of all) tab.hidden = !desk.may(needed[tab.dataset.tab]);
  turnTo(all.find((tab) => !tab.hidden).dataset.tab);
}

async function begin() {
  try {
    desk.me = await api.me();
  } catch (error) {
    if (error.status !== 401) {
      tell(label("offline"));
      setTimeout(begin, POLL);
    }
    return;
  }
  signedIn = true;
  login.hidden = true;
  part("desk").hidden = false;
  part("to-service").hidden = !desk.may("see_service");
  part("to-setup").hidden = !desk.may("manage_setup");
  part("me").textContent = `${desk.me.user.name} · ${named("roles", desk.me.role)}`;
  list.show(desk);
  talk.show(desk, api);
  cases.show(api, desk.may("work_cases"));
  knowledge.show(api, (action) => desk.may(action));
  tabs();
  if (!desk.may("see_queue")) return;
  await refresh();
  dial();
}

async function open(id) {
  try {
    await desk.show(id);
  } catch (error) {
    tell(error.message || label("offline"));
  }
}

function drawOpen() {
  document.body.dataset.open = String(Boolean(desk.open));
  card.hidden = !desk.open;
  if (!desk.open) return;
  const { id } = desk.open;
  const theirs = desk.open.state !== "ended" && (desk.has(desk.open) || desk.may("takeover"));
  card.show(desk.open, {
    mayReveal: desk.may("reveal") && theirs,
    reveal: (field, more) => api.reveal(id, field, more),
  });
}

api.addEventListener("signed-out", () => {
  signedIn = false;
  line?.close();
  part("desk").hidden = true;
  login.show(api, config.demo);
});
login.addEventListener("signed-in", begin);
desk.addEventListener("open", drawOpen);
list.addEventListener("chosen", ({ detail }) => open(detail));
list.addEventListener("accept", ({ detail }) => talk.accept(detail));
list.addEventListener("counted", ({ detail }) => {
  document.title = detail ? label("title_waiting", { count: detail }) : label("title");
});
talk.addEventListener("problem", ({ detail }) => tell(detail));
part("logout").addEventListener("click", async () => {
  try {
    await api.logOut();
  } finally {
    location.reload();
  }
});
part("help").addEventListener("click", () => askYes("help"));
part("close").addEventListener("click", () => open(null));
function layCard(shown) {
  document.body.dataset.card = String(shown);
  part("card").setAttribute("aria-expanded", String(shown));
  (shown ? card : part("card")).focus();
}
part("card").addEventListener("click", () => layCard(document.body.dataset.card !== "true"));
card.addEventListener("closed", () => layCard(false));
card.addEventListener("keydown", (event) => { if (event.key === "Escape") layCard(false); });
const all = [...document.querySelectorAll("[data-tab]")];
for (const tab of all) {
  tab.addEventListener("click", () => turnTo(tab.dataset.tab));
  tab.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowRight" && event.key !== "ArrowLeft") return;
    const there = all.filter((one) => !one.hidden);
    const next = there[(there.indexOf(tab) + (event.key === "ArrowRight" ? 1 : -1) + there.length) % there.length];
    turnTo(next.dataset.tab);
    next.focus();
  });
}

const onTalks = (action) => () => { if (signedIn && !document.getElementById("talks").hidden) action(); };
listen({
  j: onTalks(() => list.move(1)),
  k: onTalks(() => list.move(-1)),
  a: onTalks(() => talk.accept(list.focused ?? undefined)),
  r: onTalks(() => talk.write("reply")),
  n: onTalks(() => talk.write("note")),
  e: onTalks(() => talk.end()),
  t: onTalks(() => talk.transfer()),
  "?": () => { if (signedIn) askYes("help"); },
});

prepareDialogs();
// A safety net under the pushes.
setInterval(() => { if (!document.hidden) refresh(); }, POLL);
begin();
