// What the desk knows: who is signed in, the handoffs, and the one that is open.

import { observe } from "./shared/times.js";

export class Desk extends EventTarget {
  #api;
  #seen = new Map();
  #wanted = null;
  #refreshing = null;
  #again = false;

  constructor(api, permissions) {
    super();
    this.#api = api;
    this.permissions = permissions;
    this.me = null;
    this.handoffs = [];
    this.open = null;
  }

  /** Say whether the signed-in person's role may do something. */
  may(action) {
    return this.permissions[this.me?.role]?.includes(action) ?? false;
  }

  /** Say whether the signed-in person has this handoff. */
  has(handoff) {
    return handoff?.state === "human" && handoff.agent?.username === this.me.user.username;
  }

  #tell(name) {
    this.dispatchEvent(new Event(name));
  }

  /** Read the queue and the open handoff anew; one read at a time, and once more if asked meanwhile. */
  refresh() {
    if (this.#refreshing) {
      this.#again = true;
      return this.#refreshing;
    }
    this.#refreshing = this.#read().finally(() => { this.#refreshing = null; });
    return this.#refreshing;
  }

  async #read() {
    do {
      this.#again = false;
      const [queue, open] = await Promise.all([
        this.#api.queue(), this.#wanted ? this.#api.handoff(this.#wanted) : null,
      ]);
      if (queue.now) observe(queue.now);
      this.handoffs = queue.handoffs;
      if (open && open.id === this.#wanted) this.#opened(open);
      for (const handoff of this.handoffs) {
        if (!this.#seen.has(handoff.id)) this.#seen.set(handoff.id, this.has(handoff) ? null : handoff.last_message);
      }
      this.#tell("queue");
    } while (this.#again);
  }

  #opened(detail) {
    this.open = detail;
    this.#seen.set(detail.id, detail.last_message);
    this.#tell("open");
  }

  /** Say whether something was written in a handoff since this page last showed it. */
  unread(handoff) {
    return this.has(handoff) && handoff.id !== this.#wanted && this.#seen.get(handoff.id) !== handoff.last_message;
  }

  /** Open a handoff in the middle; null closes it. */
  async show(id) {
    this.#wanted = id;
    if (!id) {
      this.open = null;
      this.#tell("open");
      this.#tell("queue");
      return;
    }
    const detail = await this.#api.handoff(id);
    if (detail.id !== this.#wanted) return;
    this.#opened(detail);
    this.#tell("queue");
  }

  /** Do something to a handoff and read what came of it, also after a refusal. */
  async act(work) {
    try {
      return await work(this.#api);
    } finally {
      await this.refresh();
    }
  }
}
