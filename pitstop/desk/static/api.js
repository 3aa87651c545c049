// The desk's API: a session cookie signs in, `X-CSRF-Token` goes with every write.

export class DeskError extends Error {
  constructor(status, code, message, details) {
    super(message);
    this.status = status;
    this.code = code;
    this.details = details;
  }
}

async function refusal(response) {
  let error = {};
  try {
    error = (await response.json()).error ?? {};
  } catch {
    // A proxy's page instead of ours: the status says enough.
  }
  return new DeskError(response.status, error.code ?? "unknown", error.message ?? "", error.details);
}

/** Emits "signed-out" as soon as the server no longer knows the session. */
export class DeskApi extends EventTarget {
  #csrf = null;

  async #call(method, path, body) {
    const headers = {};
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (method !== "GET" && this.#csrf) headers["X-CSRF-Token"] = this.#csrf;
    let response;
    try {
      response = await fetch(path, {
        method, headers, cache: "no-store", credentials: "same-origin", signal: AbortSignal.timeout(20_000),
        body: body === undefined ? undefined : JSON.stringify(body),
      });
    } catch (error) {
      throw new DeskError(0, "offline", "", String(error));
    }
    if (response.status === 401) this.dispatchEvent(new Event("signed-out"));
    if (!response.ok) throw await refusal(response);
    return response.status === 204 ? null : response.json();
  }

  #get(path) { return this.#call("GET", path); }

  #post(path, body = {}) { return this.#call("POST", path, body); }

  async me() {
    const me = await this.#get("/api/desk/me");
    this.#csrf = me.csrf_token;
    return me;
  }

  logIn(username, password) { return this.#post("/api/desk/login", { username, password }); }

  logOut() { return this.#post("/api/desk/logout"); }

  async ticket() { return (await this.#post("/api/desk/ws-ticket")).ticket; }

  queue() { return this.#get("/api/desk/queue"); }

  handoff(id) { return this.#get(`/api/desk/handoffs/${id}`); }

  accept(id) { return this.#post(`/api/desk/handoffs/${id}/accept`); }

  reply(id, client, text) { return this.#post(`/api/desk/handoffs/${id}/reply`, { id: client, text }); }

  note(id, text) { return this.#post(`/api/desk/handoffs/${id}/note`, { text }); }

  transfer(id, to) { return this.#post(`/api/desk/handoffs/${id}/transfer`, { to }); }

  returnToBot(id) { return this.#post(`/api/desk/handoffs/${id}/return-to-bot`); }

  end(id, summary) { return this.#post(`/api/desk/handoffs/${id}/end`, { summary }); }

  reveal(id, field, more = {}) { return this.#post(`/api/desk/handoffs/${id}/reveal`, { field, ...more }); }

  staff() { return this.#get("/api/desk/staff"); }

  cases(state) { return this.#get(`/api/desk/cases?state=${state}`); }

  contactCase(id, note) { return this.#post(`/api/desk/cases/${id}/contact`, note ? { note } : {}); }

  closeCase(id, result) { return this.#post(`/api/desk/cases/${id}/close`, { result }); }

  searchKnowledge(q) { return this.#get(`/api/kb/search?limit=10&q=${encodeURIComponent(q)}`); }

  articles(query) { return this.#get(`/api/kb/articles?${new URLSearchParams(query)}`); }

  article(id) { return this.#get(`/api/kb/articles/${encodeURIComponent(id)}`); }

  saveArticle(id, article) { return this.#call("PUT", `/api/kb/articles/${encodeURIComponent(id)}`, article); }

  publishArticle(id) { return this.#post(`/api/kb/articles/${encodeURIComponent(id)}/publish`); }

  retireArticle(id) { return this.#post(`/api/kb/articles/${encodeURIComponent(id)}/retire`); }

  release() { return this.#get("/api/kb/release"); }

  unanswered() { return this.#get("/api/kb/unanswered?limit=100"); }

  settle(id) { return this.#call("DELETE", `/api/kb/unanswered/${encodeURIComponent(id)}`); }

  fixtures() { return this.#get("/api/demo/fixtures"); }
}
