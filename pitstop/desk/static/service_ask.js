// The dialogs of the workshop's page. What is typed outlives a refusal, a reload and a sign-out;
// the same content is sent under the same id, so that nothing is done twice.

import { label } from "./shared/labels.js";
import { say } from "./service_words.js";

const part = (dialog, name) => dialog.querySelector(`[data-part=${name}]`);

function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

class Draft {
  constructor(name) {
    this.place = `pitstop.service.${name}`;
    try {
      this.kept = JSON.parse(sessionStorage.getItem(this.place)) ?? {};
    } catch {
      this.kept = {};
    }
  }

  keep(more) {
    this.kept = { ...this.kept, ...more };
    sessionStorage.setItem(this.place, JSON.stringify(this.kept));
  }

  drop() {
    sessionStorage.removeItem(this.place);
  }

  /** Return the id to send this content under. */
  idFor(content) {
    if (this.kept.sent !== content) this.keep({ sent: content, id: uuid() });
    return this.kept.id;
  }
}

function read(form) {
  return Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, value.trim()]));
}

let open = null;

/** Close whatever dialog is open and keep what was typed into it. */
export function closeAll() {
  open?.();
}

/**
 * Ask in the dialog `id`, about one subject, and send what was filled in; promises whether it was.
 * `prepare(form)` comes first, `begin` fills the fields, `hints` stand in them while they are empty,
 * `changed(form)` follows each change; `rows` (with `values`, `kept` and `restore`) is a part that
 * holds more than fields. `send(values)` promises; its refusal is shown with what `instead(error)`
 * offers, and the dialog stays.
 */
export function ask(id, { subject, about = "", title = null, prepare = null, begin = {}, hints = {}, rows = null, changed = null, instead = null, send }) {
  const dialog = document.getElementById(id);
  const form = dialog.querySelector("form");
  const [problem, yes] = [part(dialog, "problem"), part(dialog, "yes")];
  const draft = new Draft(`${subject}.${id}`);
  const before = document.activeElement;
  form.reset();
  problem.hidden = true;
  if (part(dialog, "about")) part(dialog, "about").textContent = about;
  if (title) part(dialog, "title").textContent = title;
  prepare?.(form);
  for (const [name, hint] of Object.entries(hints)) form.elements[name].placeholder = hint ?? "";
  for (const [name, value] of Object.entries({ ...begin, ...draft.kept.values })) {
    if (form.elements[name] && value !== undefined) form.elements[name].value = value ?? "";
  }
  rows?.restore(draft.kept.rows ?? null);
  const values = () => ({ ...read(form), ...(rows ? rows.values() : {}) });
  changed?.(form);
  form.oninput = () => {
    draft.keep({ values: read(form), rows: rows?.kept() });
    changed?.(form);
  };
  return new Promise((resolve) => {
    const over = (done) => {
      open = null;
      dialog.oncancel = null;
      if (dialog.open) dialog.close();
      if (before?.isConnected) before.focus();
      resolve(done);
    };
    open = () => over(false);
    dialog.oncancel = () => over(false);
    dialog.querySelector("[value=no]").onclick = () => { draft.drop(); over(false); };
    form.onsubmit = async (event) => {
      event.preventDefault();
      const wanted = values();
      yes.disabled = true;
      problem.hidden = true;
      try {
        await send({ ...wanted, client_id: draft.idFor(JSON.stringify(wanted)) });
        draft.drop();
        over(true);
      } catch (error) {
        draft.keep({ values: read(form), rows: rows?.kept() });
        problem.replaceChildren(say("ask.not_sent", { why: error.message || label("offline") }), ...(instead?.(error, form) ?? []));
        problem.hidden = false;
      } finally {
        yes.disabled = false;
      }
    };
    dialog.showModal();
  });
}

/** Show the dialog that explains the keys. */
export function help() {
  document.getElementById("help").showModal();
}
