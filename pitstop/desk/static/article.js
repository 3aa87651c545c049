// <article-editor>: one article; what is saved becomes visible to owners when it is published.

import { askYes } from "./dialogs.js";
import { el } from "./shared/dom.js";
import { label } from "./shared/labels.js";
import { mark } from "./shared/times.js";

const RELEASE_POLL = 500;
const lines = (text) => text.split("\n").map((line) => line.trim()).filter(Boolean);

/** Emits "changed" when an article was saved, published or retired. */
export class ArticleEditor extends HTMLElement {
  #api;
  #may;
  #article = null;

  show(api, may) {
    this.#api = api;
    this.#may = may;
    this.form = this.querySelector("form");
    this.note = this.querySelector("[data-part=note]");
    this.history = this.querySelector("[data-part=history]");
    this.form.onsubmit = (event) => { event.preventDefault(); this.#save(); };
    this.form.oninput = () => this.#enable(true);
    this.#button("publish").onclick = () => this.#publish();
    this.#button("retire").onclick = () => this.#retire();
  }

  #button(name) {
    return this.querySelector(`[data-do=${name}]`);
  }

  /** Show an article for editing. */
  async open(id) {
    try {
      this.#fill(await this.#api.article(id));
      this.#say("");
      this.form.elements.question.focus();
    } catch (error) {
      this.#say(error.message || label("offline"));
    }
  }

  /** Begin a new article with this question. */
  begin(question) {
    const id = `desk-${Date.now().toString(36)}-${crypto.getRandomValues(new Uint16Array(1))[0].toString(36)}`;
    this.#fill({ id, question, similar_questions: [], answer: "", category: "", status: "draft", version: null, live_version: null });
    this.#enable(true);
    this.#say("");
    this.form.elements.answer.focus();
  }

  #fill(article) {
    this.#article = article;
    this.form.hidden = false;
    this.querySelector("[data-part=empty]").hidden = true;
    this.#write(article);
    this.history.replaceChildren(...(article.history ?? []).map((one) => this.#version(one)));
    this.history.closest("details").hidden = !article.history?.length;
    this.#enable(false);
  }

  #write(content) {
    const { question, similar, category, answer } = this.form.elements;
    question.value = content.question;
    similar.value = (content.similar_questions ?? []).join("\n");
    category.value = content.category ?? "";
    answer.value = content.answer;
  }

  #version(one) {
    const text = label("knowledge.version", { version: one.version, time: mark(one.updated_at), who: one.updated_by });
    return el("li", {}, el("span", {}, text), el(
      "button", { type: "button", class: "small", onclick: () => { this.#write(one.snapshot); this.#enable(true); } }, label("knowledge.restore"),
    ));
  }

  #enable(changed) {
    const edit = this.#may("edit_knowledge");
    for (const field of this.form.querySelectorAll("input, textarea")) field.readOnly = !edit;
    this.form.querySelector("[type=submit]").disabled = !edit || !changed;
    const { status, version, live_version: live } = this.#article;
    for (const name of ["publish", "retire"]) this.#button(name).hidden = !this.#may("publish_knowledge");
    this.#button("publish").disabled = changed || (status === "published" && version === live);
    this.#button("retire").disabled = status === "retired" || version === null;
  }

  #say(text) {
    this.note.textContent = text;
    this.note.hidden = !text;
  }

  #save() {
    const { question, similar, category, answer } = this.form.elements;
    const { id, tags, next, version } = this.#article;
    const content = {
      question: question.value.trim(), similar_questions: lines(similar.value), answer: answer.value,
      category: category.value.trim(), ...(tags ? { tags } : {}), ...(next ? { next } : {}),
    };
    // Without a version the server makes a new one; with it, it refuses to overwrite a colleague.
    return this.#do("saved", () => this.#api.saveArticle(id, version === null ? content : { ...content, version }));
  }

  async #publish() {
    if (await this.#do("published", () => this.#api.publishArticle(this.#article.id))) await this.#watch();
  }

  async #retire() {
    if (await askYes("retire")) await this.#do("retired", () => this.#api.retireArticle(this.#article.id));
  }

  // The words are live at once; that they are found takes a moment more.
  async #watch() {
    const { id } = this.#article;
    let release;
    do {
      await new Promise((resolve) => setTimeout(resolve, RELEASE_POLL));
      try {
        release = await this.#api.release();
      } catch {
        // Not knowing is no reason to say that it failed.
        return;
      }
    } while (release.running && this.#article.id === id && this.isConnected);
    if (this.#article.id === id) this.#say(label(release.failed ? "knowledge.release_failed" : "knowledge.released"));
    this.dispatchEvent(new Event("changed"));
  }

  async #do(what, work) {
    try {
      await work();
      this.#fill(await this.#api.article(this.#article.id));
      this.#say(label(`knowledge.done.${what}`));
      this.dispatchEvent(new Event("changed"));
      return true;
    } catch (error) {
      this.#say(error.details?.reason ?? (error.message || label("offline")));
      return false;
    }
  }
}

customElements.define("article-editor", ArticleEditor);
