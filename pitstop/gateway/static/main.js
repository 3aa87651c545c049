// The owner's page, put together.

import { Api } from "./api.js";
import "./bar.js";
import "./composer.js";
import { Conversation } from "./conversation.js";
import "./demo.js";
import "./log.js";
import { position } from "./position.js";
import { Session } from "./session.js";
import { label } from "./shared/labels.js";
import { Line } from "./shared/socket.js";

const POLL = 8_000;
const QUEUE_POLL = 15_000;

const config = JSON.parse(document.getElementById("config").textContent);
const part = (name) => document.querySelector(`[data-part=${name}]`);
const [log, bar, composer, picker] = ["chat-log", "state-bar", "chat-composer", "demo-picker"].map((name) => document.querySelector(name));

const session = new Session(config);
let api = new Api(session);
let talk = null;
let line = null;
let stands = false;

function tell(text) {
  const notice = part("notice");
  notice.textContent = text;
  notice.hidden = false;
  clearTimeout(tell.over);
  tell.over = setTimeout(() => { notice.hidden = true; }, 6_000);
}

async function catchUp() {
  if (!session.token) return;
  try {
    await Promise.all([talk.read(), talk.readState()]);
  } catch {
    // The line is tried again by itself; until then the bar says so.
    bar.connected(false);
  }
}

function heard(frame) {
  const said = frame.messages ?? (frame.message ? [frame.message] : []);
  for (const one of said) talk.hear(one);
  const state = frame.conversation ?? (["bot", "queued", "human"].includes(frame.state) ? frame : frame.state);
  if (state?.state) talk.setState({ queue_position: null, estimated_wait_seconds: null, agent: null, ...state });
  // A frame of a kind that this page does not know still says that something happened.
  if (said.length === 0 && !state?.state) catchUp();
}

function dial() {
  line?.close();
  line = new Line("/api/owner/ws", {
    ticket: () => api.ticket(),
    open: () => { stands = true; bar.connected(true); catchUp(); },
    lost: () => { stands = false; bar.connected(false); },
    news: heard,
  });
  line.connect();
}

function begin() {
  api = new Api(session);
  talk = new Conversation(api, session.customer);
  talk.addEventListener("state", () => {
    bar.show(talk.state);
    document.body.dataset.state = talk.state.state;
  });
  talk.addEventListener("change", () => {
    part("welcome").hidden = !talk.loaded || talk.lines.length + talk.outgoing.length > 0;
  });
  talk.addEventListener("trouble", () => bar.connected(false));
  log.show(talk, (url) => api.bytes(url));
  part("who").textContent = session.name ? label("demo.who", { name: session.name }) : "";
  part("app").inert = false;
  part("signed-out").hidden = true;
  catchUp();
  dial();
}

async function wanted() {
  line?.close();
  part("app").inert = true;
  if (!config.demo) {
    part("signed-out").hidden = false;
    return;
  }
  try {
    picker.show((await api.fixtures()).customers);
  } catch {
    tell(label("demo.unavailable"));
    setTimeout(wanted, POLL);
  }
}

session.addEventListener("token", begin);
session.addEventListener("wanted", wanted);

picker.addEventListener("chosen", async ({ detail }) => {
  try {
    session.take(await api.demoToken(detail.id), detail.name);
  } catch (error) {
    tell(error.message || label("demo.unavailable"));
    wanted();
  }
});
part("switch")?.addEventListener("click", () => session.renew());

composer.addEventListener("say", ({ detail }) => talk.send({ text: detail.text }));
composer.addEventListener("file", ({ detail }) => talk.send({}, null, detail.file));
composer.addEventListener("objection", ({ detail }) => tell(detail.text));
composer.addEventListener("position", async () => {
  try {
    const location = await position(document.getElementById("position"));
    if (location) talk.send({ location }, null);
  } catch (error) {
    tell(error.message);
  }
});
for (const button of document.querySelectorAll("[data-say]")) {
  button.addEventListener("click", () => talk.send({ text: button.dataset.say }));
}

// Where no WebSocket gets through (a proxy, a company's network), reading now and then still does.
setInterval(() => { if (talk && !stands && !document.hidden) catchUp(); }, POLL);
setInterval(() => { if (talk?.state.state === "queued" && stands) talk.readState().catch(() => bar.connected(false)); }, QUEUE_POLL);

session.start();
