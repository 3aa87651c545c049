// The owner's API. A refusal is an `ApiError` with the server's code and words.

const PATIENCE = 20_000;

export class ApiError extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }

  /** Whether the same request may do better later. */
  get passing() {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

async function refusal(response) {
  let error = {};
  try {
    error = (await response.json()).error ?? {};
  } catch {
    // A proxy's page instead of ours: the status says enough.
  }
  return new ApiError(response.status, error.code ?? "unknown", error.message ?? "");
}

/** Speaks for whoever is signed in when it is made: what one owner wrote is never sent as another. */
export class Api {
  #session;
  #token;

  constructor(session) {
    this.#session = session;
    this.#token = session.token;
  }

  async #fetch(path, options = {}) {
    const token = this.#token;
    let response;
    try {
      response = await fetch(path, {
        ...options,
        headers: { ...options.headers, ...(token ? { Authorization: `Bearer ${token}` } : {}) },
        signal: AbortSignal.timeout(options.patience ?? PATIENCE),
        cache: "no-store",
      });
    } catch (error) {
      throw new ApiError(0, "offline", String(error));
    }
    if (response.status === 401 && token && token === this.#session.token) this.#session.renew();
    if (!response.ok) throw await refusal(response);
    return response;
  }

  async #json(path, body) {
    const options = body === undefined ? {} : {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    };
    return (await this.#fetch(path, options)).json();
  }

  send(body) { return this.#json("/api/owner/messages", body); }

  history(after) { return this.#json(`/api/owner/messages?after=${after}`); }

  state() { return this.#json("/api/owner/conversation"); }

  async ticket() { return (await this.#json("/api/owner/ws-ticket", {})).ticket; }

  async upload(file) {
    const form = new FormData();
    form.append("file", file, file.name);
    return (await this.#fetch("/api/owner/attachments", { method: "POST", body: form, patience: 120_000 })).json();
  }

  async bytes(url) { return (await this.#fetch(url)).blob(); }

  fixtures() { return this.#json("/api/demo/fixtures"); }

  async demoToken(customer) { return (await this.#json("/api/demo/token", { customer_id: customer })).token; }
}
