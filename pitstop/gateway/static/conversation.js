// The conversation as this page knows it: what the server has said, and what is on its way to it.
//
// Nothing doubles: lines are kept by id and ordered by seq, and a message that is sent again keeps
// its id. Nothing is lost: `#mark` is the highest number below which everything is here; only a
// read from there, or the very next line, moves it.

import { observe } from "./shared/times.js";

const RETRIES = [1_000, 3_000, 8_000];

// `crypto.randomUUID` exists only on https; a phone in the workshop's network may come by http.
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Conversation extends EventTarget {
  #api;
  #place;
  #lines = new Map();
  #outgoing = [];
  #mark = 0;
  #reading = null;
  #readAgain = false;

  constructor(api, customer) {
    super();
    this.#api = api;
    this.#place = `pitstop.outgoing.${customer}`;
    this.loaded = false;
    this.awaiting = 0;
    this.state = { state: "bot", queue_position: null, estimated_wait_seconds: null, agent: null };
    const kept = JSON.parse(sessionStorage.getItem(this.#place) ?? "[]");
    this.#outgoing = kept.map((message) => ({ ...message, status: "failed" }));
  }

  /** Return the lines in order. */
  get lines() {
    return [...this.#lines.values()].sort((a, b) => a.seq - b.seq);
  }

  /** Return what the server has not confirmed yet, in the order of writing. */
  get outgoing() {
    return this.#outgoing;
  }

  /** Return the payloads that were pressed: by this page, or, after a reload, as the log tells. */
  get pressed() {
    const used = new Set(this.#outgoing.filter((m) => m.status !== "refused").map((m) => m.body.payload));
    const open = [];
    for (const line of this.lines) {
      if (line.sender !== "owner") {
        if (line.buttons?.length) open.push(line);
        continue;
      }
      const asked = open.findLast((one) => one.buttons.some((b) => b.title === line.text));
      if (line.payload) used.add(line.payload);
      else if (asked) used.add(asked.buttons.find((b) => b.title === line.text).payload);
    }
    return used;
  }

  #changed() {
    // A file cannot be kept, and what was refused will be refused again.
    const kept = this.#outgoing
      .filter((m) => !m.body.file && m.status !== "refused")
      .map(({ key, body, text, base, at }) => ({ key, body, text, base, at }));
    sessionStorage.setItem(this.#place, JSON.stringify(kept));
    this.dispatchEvent(new Event("change"));
  }

  /** Read everything after the mark; one read at a time, and once more if asked meanwhile. */
  read() {
    if (this.#reading) {
      this.#readAgain = true;
      return this.#reading;
    }
    this.#reading = this.#readAll().finally(() => { this.#reading = null; });
    return this.#reading;
  }

  async #readAll() {
    do {
      this.#readAgain = false;
      let found;
      do {
        found = (await this.#api.history(this.#mark)).messages;
        this.merge(found);
        this.#mark = Math.max(this.#mark, ...found.map((line) => line.seq));
      } while (found.length > 0);
    } while (this.#readAgain);
    if (!this.loaded) {
      this.loaded = true;
      this.#changed();
    }
  }

  /** Take lines from wherever they came; reads the missing ones if there is a gap. */
  merge(lines) {
    let news = false;
    for (const line of lines) {
      if (this.#lines.has(line.id)) continue;
      news = true;
      this.#lines.set(line.id, line);
      if (line.seq === this.#mark + 1) this.#mark = line.seq;
      if (line.sender === "owner") this.#claim(line);
    }
    if (news) this.#changed();
    return news;
  }

  /** Take a line that has just been said: it also tells the server's time. */
  hear(line) {
    observe(line.created_at);
    this.merge([line]);
    if (line.seq > this.#mark) this.read().catch(() => this.dispatchEvent(new Event("trouble")));
  }

  // The log's line takes the place of the one that was shown while it was on its way.
  #claim(line) {
    const message = this.#outgoing.find((m) => m.base < line.seq && this.#same(m, line));
    if (message) this.#replace(message, line);
  }

  #replace(message, line) {
    this.#outgoing = this.#outgoing.filter((m) => m !== message);
    line.key = message.key;
    line.payload = message.body.payload;
    line.file = message.file;
  }

  #same(message, line) {
    if (line.client_id) return line.client_id === message.key;
    if (line.attachment) return message.body.attachment_id === line.attachment.id;
    // The log shows a position as an empty line: where somebody is does not stay in it.
    return (message.text ?? "") === line.text && !message.body.file && !message.body.attachment_id;
  }

  /** Refresh who has the word. */
  async readState() {
    this.setState(await this.#api.state());
  }

  setState(state) {
    if (state.now) observe(state.now);
    this.state = { ...this.state, ...state };
    this.dispatchEvent(new Event("state"));
  }

  /** Send a message; `text` is what the log will show for it, null if only the server knows. */
  send(body, text = body.text ?? null, file = null) {
    const key = uuid();
    const message = {
      key, body: file ? { file } : body, text, base: Math.max(this.#mark, ...this.lines.map((l) => l.seq)),
      at: new Date().toISOString(), status: "sending", file,
    };
    this.#outgoing.push(message);
    this.#changed();
    return this.#deliver(message);
  }

  /** Send again what did not arrive: the same id, so that it cannot be done twice. */
  retry(key) {
    const message = this.#outgoing.find((m) => m.key === key);
    if (!message || message.status === "sending") return Promise.resolve();
    message.status = "sending";
    message.reason = null;
    this.#changed();
    return this.#deliver(message);
  }

  async #deliver(message) {
    this.awaiting += 1;
    this.dispatchEvent(new Event("change"));
    let pending = false;
    try {
      pending = await this.#attempt(message);
    } catch (error) {
      if (!this.#outgoing.includes(message)) return;
      message.status = error.passing ? "failed" : "refused";
      message.reason = error.message;
    } finally {
      this.awaiting -= 1;
      this.#changed();
    }
    if (pending) this.dispatchEvent(new Event("pending"));
  }

  async #attempt(message) {
    for (let attempt = 0; ; attempt += 1) {
      try {
        if (message.body.file) {
          const kept = await this.#api.upload(message.body.file);
          message.body = { attachment_id: kept.id };
        }
        const answer = await this.#api.send({ id: message.key, ...message.body });
        this.merge(answer.messages);
        await Promise.all([this.read(), this.readState()]);
        this.#settle(message);
        return answer.pending;
      } catch (error) {
        if (!error.passing || attempt === RETRIES.length) throw error;
        await sleep(RETRIES[attempt]);
      }
    }
  }

  // The server has it, in words that this page could not foresee (a position, a trimmed text).
  #settle(message) {
    if (!this.#outgoing.includes(message)) return;
    const line = this.lines.find((l) => l.sender === "owner" && !l.key && l.seq > message.base);
    this.#replace(message, line ?? {});
  }
}
