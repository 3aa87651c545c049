// <desk-transcript>: what was said, with the bot's part and the people's part apart.

import { drawCard } from "./shared/cards.js";
import { arrange, el, linked } from "./shared/dom.js";
import { label } from "./shared/labels.js";
import { hour, mark } from "./shared/times.js";

const APART = 5 * 60_000;
const NEAR = 80;

function attached(attachment) {
  if (!attachment) return null;
  if (attachment.kind === "image") {
    return el(
      "a", { class: "attachment", href: attachment.url, target: "_blank", rel: "noopener" },
      el("img", { src: attachment.url, alt: label("attachments.image"), loading: "lazy" }),
    );
  }
  if (attachment.kind === "voice") return el("audio", { controls: true, preload: "none", src: attachment.url });
  return el("a", { class: "attachment", href: attachment.url, target: "_blank", rel: "noopener" }, label("attachments.pdf"));
}

function author(line) {
  return line.sender === "agent" && line.author ? line.author : label(`senders.${line.sender}`);
}

function drawLine(line) {
  const empty = !line.text && !line.attachment && line.sender === "owner";
  return el(
    "li", { class: `line ${line.sender}`, "data-id": line.id },
    line.sender === "system" ? null : el("span", { class: "author" }, author(line)),
    el(
      "div", { class: "said" },
      line.text || empty ? el("p", { class: "text" }, empty ? label("position") : linked(line.text)) : null,
      drawCard(line.card), attached(line.attachment),
      line.buttons?.length ? el("p", { class: "offered" }, line.buttons.map((b) => el("span", {}, b.title))) : null,
    ),
    el("time", { datetime: line.created_at }, hour(line.created_at)),
  );
}

function drawNote(note) {
  return el(
    "li", { class: "line note" },
    el("span", { class: "author" }, label("note_by", { name: note.author })),
    el("div", { class: "said" }, el("p", { class: "text" }, note.text)),
    el("time", { datetime: note.created_at }, hour(note.created_at)),
  );
}

export class DeskTranscript extends HTMLElement {
  #rows = new Map();
  #of = null;
  #list = el("ol", { class: "transcript" });

  /** Show a handoff; `waiting` are replies on their way. */
  show(handoff, waiting = []) {
    const other = this.#of !== handoff.id;
    const near = other || this.scrollHeight - this.scrollTop - this.clientHeight < NEAR;
    if (other) {
      this.#of = handoff.id;
      this.#rows.clear();
      this.replaceChildren(this.#list);
    }
    arrange(this.#list, this.#nodes(handoff, waiting));
    if (near) this.scrollTop = this.scrollHeight;
  }

  #row(key, make) {
    if (!this.#rows.has(key)) this.#rows.set(key, make());
    return this.#rows.get(key);
  }

  #nodes(handoff, waiting) {
    const entries = [
      ...handoff.messages.map((line) => ({ at: line.created_at, key: line.id, make: () => drawLine(line) })),
      ...(handoff.notes ?? []).map((note, i) => ({ at: note.created_at, key: `note ${i} ${note.created_at}`, make: () => drawNote(note) })),
    ].sort((a, b) => new Date(a.at) - new Date(b.at));
    const nodes = [];
    const since = new Date(handoff.waiting_since).getTime();
    let last = 0;
    let handed = false;
    for (const { at, key, make } of entries) {
      const moment = new Date(at).getTime();
      if (!handed && moment > since) {
        handed = true;
        nodes.push(this.#row("handed", () => el("li", { class: "handed" }, label("handed", { time: mark(handoff.waiting_since) }))));
      }
      if (moment - last > APART) nodes.push(this.#row(`mark ${key}`, () => el("li", { class: "mark" }, mark(at))));
      last = moment;
      nodes.push(this.#row(key, make));
    }
    for (const reply of waiting) {
      nodes.push(this.#row(reply.id, () => el(
        "li", { class: "line agent waiting" }, el("span", { class: "author" }, label("sending")),
        el("div", { class: "said" }, el("p", { class: "text" }, reply.text)),
      )));
    }
    return nodes;
  }
}

customElements.define("desk-transcript", DeskTranscript);
