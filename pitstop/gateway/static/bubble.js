// One line of the conversation as a bubble.

import { drawAttachment, kindOf } from "./attachment.js";
import { drawCard } from "./shared/cards.js";
import { el, icon, linked } from "./shared/dom.js";
import { label } from "./shared/labels.js";
import { hour } from "./shared/times.js";

function face(sender) {
  return el("span", { class: `face face-${sender}`, "aria-hidden": "true" }, icon(sender === "bot" ? "bot" : "person"));
}

function nameOf(line) {
  if (line.sender === "agent") return line.author ?? label("senders.agent");
  return label(`senders.${line.sender}`);
}

const SCORE = /^([1-5])(?:\s+(.+))?$/;

function score(button, press) {
  const [, number, word] = SCORE.exec(button.title);
  return el(
    "button", { type: "button", "data-payload": button.payload, onclick: () => press(button) },
    el("b", {}, number), el("small", {}, word ?? label("score")),
  );
}

function choice(button, press) {
  return el("button", { type: "button", "data-payload": button.payload, onclick: () => press(button) }, button.title);
}

function buttonsOf(line, press) {
  if (!line.buttons?.length) return null;
  const scores = line.buttons.every((button) => SCORE.test(button.title));
  return el(
    "div", { class: scores ? "buttons scores" : "buttons", role: "group", "aria-label": label("choose") },
    line.buttons.map((button) => (scores ? score : choice)(button, press)),
  );
}

function position() {
  return el("p", { class: "text position" }, icon("pin"), label("position.sent"));
}

function wordsOf(line, attachment) {
  if (line.text) return el("p", { class: "text" }, linked(line.text));
  // Where the owner was does not stay in the log: an empty line of theirs is a position.
  return line.sender === "owner" && !attachment ? position() : null;
}

/** Return a line of the log as an element; `press(button)` is called for its buttons. */
export function drawLine(line, { press, bytes }) {
  const card = drawCard(line.card);
  const attachment = line.attachment
    ? drawAttachment(line.attachment.kind, () => (line.file ? Promise.resolve(line.file) : bytes(line.attachment.url)))
    : null;
  if (line.sender === "system") {
    return el("li", { class: "row system" }, el("p", {}, linked(line.text)), card, buttonsOf(line, press));
  }
  const text = wordsOf(line, attachment);
  return el(
    "li", { class: `row ${line.sender}` },
    line.sender === "owner" ? null : face(line.sender),
    el(
      "div", { class: "said" },
      el("span", { class: line.sender === "agent" ? "name" : "name quiet" }, nameOf(line)),
      text ? el("div", { class: "bubble" }, text) : null,
      card, attachment, buttonsOf(line, press),
      el("time", { class: "quiet", datetime: line.created_at }, hour(line.created_at)),
    ),
  );
}

/** Return a message that is on its way as an element; `showStatus` keeps it current. */
export function drawOutgoing(message, retry) {
  const attachment = message.file ? drawAttachment(kindOf(message.file), () => Promise.resolve(message.file)) : null;
  const words = message.body.location ? position() : el("p", { class: "text" }, message.text ?? label("attachments.sent"));
  return el(
    "li", { class: "row owner outgoing" },
    el(
      "div", { class: "said" },
      el("span", { class: "name quiet" }, label("senders.owner")),
      attachment ?? el("div", { class: "bubble" }, words),
      el("p", { class: "status" }, el("span", {}), el("button", { type: "button", hidden: true, onclick: retry }, label("retry"))),
    ),
  );
}

/** Show how far a message on its way has come. */
export function showStatus(element, message) {
  const [text, again] = element.querySelector(".status").children;
  element.dataset.status = message.status;
  const shown = label(`statuses.${message.status}`) + (message.status === "refused" && message.reason ? `：${message.reason}` : "");
  if (text.textContent !== shown) text.textContent = shown;
  again.hidden = message.status === "sending";
}
