// <knowledge-desk>: articles, and what could not be answered, for editors.

import "./article.js";
import { el } from "./shared/dom.js";
import { label, named } from "./shared/labels.js";
import { mark } from "./shared/times.js";

const TYPING = 300;
const PAGE = 100;

function statusOf(article) {
  return article.status === "published" && article.pending ? "changed" : article.status;
}

export class KnowledgeDesk extends HTMLElement {
  #api;
  #may;
  #view = "articles";
  #timer = null;
  #asked = 0;
  #editor;

  /** Show the knowledge base through this API; `may(action)` says what the person may do. */
  show(api, may) {
    this.#api = api;
    this.#may = may;
    const part = (name) => this.querySelector(`[data-part=${name}]`);
    [this.list, this.note, this.more, this.create, this.filters, this.release] = ["articles", "note", "more", "create", "filters", "release"].map(part);
    this.field = this.querySelector("input[type=search]");
    this.#editor = this.querySelector("article-editor");
    this.#editor.show(api, may);
    this.#editor.addEventListener("changed", () => this.refresh());
    this.create.hidden = !may("edit_knowledge");
    this.create.onclick = () => this.#editor.begin("");
    this.more.onclick = () => this.#listed(this.list.children.length);
    this.field.oninput = () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.refresh(), TYPING);
    };
    for (const select of this.filters.querySelectorAll("select")) select.onchange = () => this.refresh();
    for (const button of this.querySelectorAll("[data-view]")) button.onclick = () => this.#turn(button.dataset.view);
  }

  #turn(view) {
    this.#view = view;
    this.refresh();
  }

  /** Read the list anew. */
  async refresh() {
    for (const button of this.querySelectorAll("[data-view]")) button.setAttribute("aria-pressed", String(button.dataset.view === this.#view));
    this.filters.hidden = this.#view !== "articles";
    this.#released();
    try {
      if (this.#view === "unanswered") await this.#unanswered();
      else if (this.field.value.trim()) await this.#found(this.field.value.trim());
      else await this.#listed(0);
    } catch (error) {
      this.#say(error.message || label("offline"));
    }
  }

  // What owners' questions are searched in: a release, and what was published since.
  async #released() {
    try {
      const { release, rebuilding } = await this.#api.release();
      const delta = release?.delta?.number;
      const version = release?.version;
      const facts = [label(delta ? "knowledge.in_use_delta" : "knowledge.in_use", { version, delta }), rebuilding ? label("knowledge.rebuilding") : null];
      this.release.textContent = facts.filter(Boolean).join(" · ");
      this.release.hidden = !release;
    } catch {
      // The list says that there is no connection.
      this.release.hidden = true;
    }
  }

  #say(text) {
    this.note.textContent = text;
    this.note.hidden = !text;
  }

  #chosen(name) {
    return this.filters.querySelector(`[name=${name}]`).value;
  }

  async #page(offset, q = "") {
    const page = await this.#api.articles({ q, offset, limit: PAGE, status: this.#chosen("status"), category: this.#chosen("category") });
    const select = this.filters.querySelector("[name=category]");
    const known = new Set([...select.options].map((option) => option.value));
    for (const category of page.categories ?? []) if (!known.has(category)) select.append(el("option", { value: category }, category));
    return page;
  }

  async #listed(offset) {
    const asked = ++this.#asked;
    const { total, articles } = await this.#page(offset);
    if (asked !== this.#asked) return;
    this.#say(label("knowledge.count", { count: total }));
    if (offset === 0) this.list.replaceChildren();
    this.list.append(...articles.map((article) => this.#item(article)));
    this.more.hidden = this.list.children.length >= total;
  }

  // What owners would get for these words comes first; then whatever contains them.
  async #found(words) {
    const asked = ++this.#asked;
    const [{ decision, hits }, { articles }] = await Promise.all([this.#api.searchKnowledge(words), this.#page(0, words)]);
    if (asked !== this.#asked) return;
    const byId = new Map(articles.map((article) => [article.id, article]));
    const first = new Set(hits.map((hit) => hit.article_id));
    this.#say(label(`knowledge.decisions.${decision}`));
    this.more.hidden = true;
    this.list.replaceChildren(
      ...hits.map((hit) => this.#item(byId.get(hit.article_id) ?? { id: hit.article_id, question: hit.question }, hit.score)),
      ...articles.filter((article) => !first.has(article.id)).map((article) => this.#item(article)),
    );
  }

  #item(article, score = null) {
    const facts = [article.category, score === null ? null : label("knowledge.score", { score: score.toFixed(2) })];
    return el("li", {}, el(
      "button", { type: "button", onclick: () => this.#editor.open(article.id) },
      el("strong", {}, article.question),
      el("span", { class: "muted" }, facts.filter(Boolean).join(" · ")),
      article.status ? el("span", { class: "badge", "data-status": statusOf(article) }, named("knowledge.statuses", statusOf(article))) : null,
    ));
  }

  async #unanswered() {
    const asked = ++this.#asked;
    const { total, unanswered } = await this.#api.unanswered();
    if (asked !== this.#asked) return;
    this.#say(label(total ? "knowledge.unanswered" : "knowledge.none_unanswered", { count: total }));
    this.more.hidden = true;
    this.list.replaceChildren(...unanswered.map((one) => this.#question(one)));
  }

  #question(one) {
    const facts = [label("knowledge.asked", { count: one.count }), mark(one.last_at), named("knowledge.missed", one.decision)];
    return el(
      "li", { class: "question" },
      el("strong", {}, one.text), el("span", { class: "muted" }, facts.join(" · ")),
      el(
        "span", { class: "does" },
        el("button", { type: "button", class: "small", onclick: () => { this.field.value = one.text; this.#turn("articles"); } }, label("knowledge.look")),
        this.#may("edit_knowledge") ? el("button", { type: "button", class: "small", onclick: () => this.#editor.begin(one.text) }, label("knowledge.write")) : null,
        this.#may("edit_knowledge") ? el("button", { type: "button", class: "small", onclick: () => this.#settle(one.id) }, label("knowledge.settle")) : null,
      ),
    );
  }

  async #settle(id) {
    try {
      await this.#api.settle(id);
      await this.refresh();
    } catch (error) {
      this.#say(error.message || label("offline"));
    }
  }
}

customElements.define("knowledge-desk", KnowledgeDesk);
