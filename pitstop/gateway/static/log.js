// <chat-log>: the conversation, newest at the bottom.

import { drawLine, drawOutgoing, showStatus } from "./bubble.js";
import { arrange, el, icon } from "./shared/dom.js";
import { label } from "./shared/labels.js";
import { mark } from "./shared/times.js";

const APART = 5 * 60_000;
const NEAR = 80;
const TYPING_LASTS = 60_000;

export class ChatLog extends HTMLElement {
  #conversation;
  #bytes;
  #rows = new Map();
  #marks = new Map();
  #list;
  #typing;
  #more;
  #typingUntil = 0;
  #settled = false;

  /** Show this conversation; `bytes(url)` promises an attachment. */
  show(conversation, bytes) {
    this.#conversation = conversation;
    this.#bytes = bytes;
    this.#rows.clear();
    this.#marks.clear();
    this.#settled = false;
    this.#list.replaceChildren();
    this.setAttribute("aria-busy", "true");
    conversation.addEventListener("change", () => this.#draw());
    conversation.addEventListener("state", () => this.#draw());
    conversation.addEventListener("pending", () => {
      this.#typingUntil = Date.now() + TYPING_LASTS;
      setTimeout(() => this.#draw(), TYPING_LASTS);
      this.#draw();
    });
    this.#draw();
  }

  connectedCallback() {
    if (this.#list) return;
    this.#list = el("ol", { class: "lines" });
    this.#typing = el(
      "div", { class: "row bot typing", hidden: true, role: "status" },
      el("span", { class: "face face-bot", "aria-hidden": "true" }, icon("bot")),
      el("span", { class: "dots" }, el("i"), el("i"), el("i"), el("span", { class: "quiet" }, label("typing"))),
    );
    this.#more = el("button", { type: "button", class: "newer", hidden: true, onclick: () => this.#down() }, icon("down"), label("newer"));
    this.append(this.#list, this.#typing, this.#more);
    this.addEventListener("scroll", () => { if (this.#near()) this.#more.hidden = true; });
    // The keyboard of a phone takes half the page: what was at the bottom stays in sight.
    new ResizeObserver(() => { if (this.#more.hidden) this.#down(); }).observe(this);
  }

  #near() {
    return this.scrollHeight - this.scrollTop - this.clientHeight < NEAR;
  }

  #down() {
    this.scrollTop = this.scrollHeight;
    this.#more.hidden = true;
  }

  #draw() {
    const talk = this.#conversation;
    const near = this.#near() || !this.#settled;
    const known = this.#rows.size;
    const nodes = [];
    let last = 0;
    const place = (key, at, row) => {
      const moment = new Date(at).getTime();
      if (moment - last > APART || last === 0) nodes.push(this.#mark(key, at));
      last = moment;
      nodes.push(row);
    };
    for (const line of talk.lines) place(line.id, line.created_at, this.#row(line));
    for (const message of talk.outgoing) place(message.key, new Date(Math.max(last, 1)).toISOString(), this.#outgoing(message));
    arrange(this.#list, nodes);
    this.#disable(talk.pressed);
    this.#await();
    if (near || talk.outgoing.at(-1)?.status === "sending") this.#down();
    else if (this.#rows.size > known) this.#more.hidden = false;
    if (talk.loaded && !this.#settled) {
      this.#settled = true;
      this.#down();
      // Only what comes from now on is read out, not the whole history.
      requestAnimationFrame(() => this.removeAttribute("aria-busy"));
    }
  }

  #mark(key, at) {
    if (!this.#marks.has(key)) this.#marks.set(key, el("li", { class: "mark" }, el("time", {})));
    const node = this.#marks.get(key);
    node.firstChild.textContent = mark(at);
    node.firstChild.dateTime = at;
    return node;
  }

  #row(line) {
    if (!this.#rows.has(line.id)) {
      const row = drawLine(line, {
        bytes: this.#bytes,
        press: (button) => this.#conversation.send({ payload: button.payload }, button.title),
      });
      this.#rows.set(line.id, row);
    }
    return this.#rows.get(line.id);
  }

  #outgoing(message) {
    const key = `out ${message.key}`;
    if (!this.#rows.has(key)) this.#rows.set(key, drawOutgoing(message, () => this.#conversation.retry(message.key)));
    showStatus(this.#rows.get(key), message);
    return this.#rows.get(key);
  }

  #disable(pressed) {
    for (const group of this.#list.querySelectorAll(".buttons")) {
      const buttons = [...group.children];
      const chosen = buttons.find((button) => pressed.has(button.dataset.payload));
      for (const button of buttons) {
        button.disabled = Boolean(chosen);
        button.classList.toggle("chosen", button === chosen);
        if (button === chosen) button.setAttribute("aria-pressed", "true");
        else button.removeAttribute("aria-pressed");
      }
    }
  }

  #await() {
    const talk = this.#conversation;
    if (talk.lines.at(-1)?.sender === "bot") this.#typingUntil = 0;
    const waiting = talk.outgoing.some((m) => m.status === "sending") || talk.awaiting > 0;
    this.#typing.hidden = talk.state.state !== "bot" || !(waiting || Date.now() < this.#typingUntil);
  }
}

customElements.define("chat-log", ChatLog);
