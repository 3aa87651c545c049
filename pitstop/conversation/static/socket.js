// A WebSocket that comes back. What it brings is news; what is true is read by the page itself.

const FIRST = 500;
const LONGEST = 30_000;

/**
 * Keep a connection open. `ticket()` returns a promise of a one-time ticket, `open()` runs after
 * each connect (the page then reads what it missed), `news(frame)` for each frame, `lost()` when
 * the line is down. Emits nothing after `close()`.
 */
export class Line {
  #handlers;
  #path;
  #socket = null;
  #wait = FIRST;
  #timer = null;
  #closed = false;
  #connecting = false;
  #again = () => this.#anew();

  constructor(path, handlers) {
    this.#path = path;
    this.#handlers = handlers;
    window.addEventListener("online", this.#again);
    document.addEventListener("visibilitychange", this.#again);
  }

  /** Connect now; further attempts follow by themselves, further and further apart. */
  async connect() {
    if (this.#closed || this.#connecting || this.#socket) return;
    this.#connecting = true;
    clearTimeout(this.#timer);
    try {
      const ticket = await this.#handlers.ticket();
      if (!this.#closed) this.#listen(ticket);
    } catch {
      // No ticket: the server is away, or the sign-in is over, which ticket() itself tells.
      this.#later();
    } finally {
      this.#connecting = false;
    }
  }

  #listen(ticket) {
    const address = new URL(this.#path, location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    address.searchParams.set("ticket", ticket);
    const socket = new WebSocket(address);
    this.#socket = socket;
    socket.addEventListener("open", () => {
      this.#wait = FIRST;
      this.#handlers.open();
    });
    socket.addEventListener("message", (event) => {
      if (typeof event.data !== "string") return;
      let frame;
      try {
        frame = JSON.parse(event.data);
      } catch {
        // Not ours (a proxy's, a keep-alive): it still says that there may be something new.
        frame = {};
      }
      this.#handlers.news(frame);
    });
    socket.addEventListener("close", () => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.#later();
    });
  }

  #later() {
    if (this.#closed) return;
    this.#handlers.lost();
    // Half of the wait is chance, so that a restarted server is not met by everybody at once.
    const wait = this.#wait / 2 + Math.random() * (this.#wait / 2);
    this.#wait = Math.min(this.#wait * 2, LONGEST);
    this.#timer = setTimeout(() => this.connect(), wait);
  }

  #anew() {
    if (document.hidden) return;
    this.#wait = FIRST;
    this.connect();
  }

  /** Hang up for good. */
  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    window.removeEventListener("online", this.#again);
    document.removeEventListener("visibilitychange", this.#again);
    this.#socket?.close();
    this.#socket = null;
  }
}
