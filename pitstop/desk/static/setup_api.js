// The API of what supervisors change, beside the desk's own.

import { DeskApi, DeskError } from "./api.js";

const ROOT = "/api/desk/setup";
const PATIENCE = 60_000;

/** Emits "signed-out" as soon as the server no longer knows the session. */
export class SetupApi extends DeskApi {
  #csrf = null;

  async me() {
    const me = await super.me();
    this.#csrf = me.csrf_token;
    return me;
  }

  async #call(path, options = {}) {
    let response;
    try {
      response = await fetch(ROOT + path, {
        cache: "no-store", credentials: "same-origin", signal: AbortSignal.timeout(PATIENCE), ...options,
        headers: { ...(options.method ? { "X-CSRF-Token": this.#csrf ?? "" } : {}), ...options.headers },
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

  #send(path, body) {
    return this.#call(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  }

  overview() { return this.#call(""); }

  rows(table, query) { return this.#call(`/${table}?${new URLSearchParams(query)}`); }

  /** Promise what rows would change; nothing is written. */
  check(table, rows) { return this.#send(`/${table}/check`, { rows }); }

  save(table, body) { return this.#send(`/${table}`, body); }

  /** Send a file: without a `client_id` among the options it is only looked at. */
  file(table, file, options = {}) {
    const body = new FormData();
    body.append("options", JSON.stringify(options));
    body.append("file", file, file.name);
    return this.#call(`/${table}/import`, { method: "POST", body });
  }

  /** Return where a table's file is to be had. */
  address(table, query) { return `${ROOT}/${table}/export?${new URLSearchParams(query)}`; }
}
