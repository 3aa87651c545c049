// Whose page this is: the owner's token, from the app around the page or from the demo.

const KEY = "pitstop.session";

function stored() {
  const text = sessionStorage.getItem(KEY);
  return text ? JSON.parse(text) : null;
}

function claims(token) {
  const body = token.split(".")[1] ?? "";
  const bytes = atob(body.replaceAll("-", "+").replaceAll("_", "/"));
  return JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes, (c) => c.charCodeAt(0))));
}

/** The signed-in owner. Emits "token" when there is a (new) one and "wanted" when one is needed. */
export class Session extends EventTarget {
  #config;

  constructor(config) {
    super();
    this.#config = config;
    this.token = null;
    this.name = null;
  }

  /** Find a token: in the address, from an earlier load, or by asking whoever can give one. */
  start() {
    window.addEventListener("message", (event) => this.#offered(event));
    const given = new URLSearchParams(location.hash.slice(1)).get("token");
    if (given) {
      // A token must not stay in the address: it would be copied and remembered.
      history.replaceState(null, "", location.pathname + location.search);
      this.take(given);
      return;
    }
    const before = stored();
    if (before) this.take(before.token, before.name);
    else this.renew();
  }

  /** Go on with this token. */
  take(token, name = null) {
    this.token = token;
    this.name = name;
    sessionStorage.setItem(KEY, JSON.stringify({ token, name }));
    this.dispatchEvent(new Event("token"));
  }

  /** Say that the token is missing, over or refused. */
  renew() {
    this.token = null;
    sessionStorage.removeItem(KEY);
    for (const origin of this.#origins()) this.#around()?.postMessage({ type: "pitstop:token-wanted" }, origin);
    this.dispatchEvent(new Event("wanted"));
  }

  /** Return the customer's id, which keeps one owner's unsent messages from another's. */
  get customer() {
    try {
      return String(claims(this.token).sub);
    } catch {
      // Not a JWT: the server will say so; until then nothing may be shared with anybody.
      return "unknown";
    }
  }

  #origins() {
    return [location.origin, ...this.#config.allowed_origins];
  }

  #around() {
    return window.opener ?? (window.parent === window ? null : window.parent);
  }

  #offered(event) {
    if (event.source !== this.#around() || !this.#origins().includes(event.origin)) return;
    if (event.data?.type === "pitstop:token" && typeof event.data.token === "string") this.take(event.data.token);
  }
}
