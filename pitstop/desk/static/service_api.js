// The workshop's API, beside the desk's own.

import { DeskApi, DeskError } from "./api.js";

const ROOT = "/api/desk/service/";

/** Emits "signed-out" as soon as the server no longer knows the session. */
export class ServiceApi extends DeskApi {
  #csrf = null;

  async me() {
    const me = await super.me();
    this.#csrf = me.csrf_token;
    return me;
  }

  async #call(method, path, body) {
    const headers = body === undefined ? {} : { "Content-Type": "application/json", "X-CSRF-Token": this.#csrf ?? "" };
    let response;
    try {
      response = await fetch(ROOT + path, {
        method, headers, cache: "no-store", credentials: "same-origin", signal: AbortSignal.timeout(20_000),
        body: body === undefined ? undefined : JSON.stringify(body),
      });
    } catch (error) {
      throw new DeskError(0, "offline", "", String(error));
    }
    if (response.status === 401) this.dispatchEvent(new Event("signed-out"));
    const answer = await response.json().catch(() => ({}));
    if (response.ok) return answer;
    const { code = "unknown", message = "", details } = answer.error ?? {};
    throw new DeskError(response.status, code, message, details);
  }

  places() { return this.#call("GET", "places"); }

  day(place, day) { return this.#call("GET", `day?${new URLSearchParams({ place, day })}`); }

  booking(id) { return this.#call("GET", `bookings/${encodeURIComponent(id)}`); }

  /** Do something (check-in, progress, quote …) to a booking; promises what it is now. */
  act(id, what, body) { return this.#call("POST", `bookings/${encodeURIComponent(id)}/${what}`, body); }

  withdraw(quote, body) { return this.#call("POST", `quotes/${encodeURIComponent(quote)}/withdraw`, body); }

  /** Do something (set-off, arrive, hand-over) to a journey; promises what its booking is now. */
  travel(journey, what, body) { return this.#call("POST", `journeys/${encodeURIComponent(journey)}/${what}`, body); }

  close(body) { return this.#call("POST", "closures", body); }

  lift(closure, body) { return this.#call("POST", `closures/${encodeURIComponent(closure)}/lift`, body); }
}
