// The desk's dialogs: transfer, end, contact and close a case, help. Each resolves to what was
// chosen, or to null.

import { el } from "./shared/dom.js";
import { find, label } from "./shared/labels.js";

const SHORT = 6;

const part = (dialog, name) => dialog.querySelector(`[data-part=${name}]`);

// "close" is told late, when the dialog may be open again already: each is about the oldest showing.
const showings = new WeakMap();

function opened(dialog) {
  if (!showings.has(dialog)) {
    showings.set(dialog, []);
    dialog.addEventListener("close", () => showings.get(dialog).shift()?.());
  }
  const before = document.activeElement;
  return new Promise((resolve) => {
    dialog.returnValue = "";
    showings.get(dialog).push(() => {
      if (!dialog.open) before?.focus();
      resolve(dialog.returnValue === "yes");
    });
    dialog.showModal();
  });
}

function options(select, group) {
  if (select.options.length) return;
  for (const [code, name] of Object.entries(find(group))) select.append(el("option", { value: code }, name));
}

/** Ask to whom a conversation goes: a username, or "queue". */
export async function askTransfer(staff, me) {
  const dialog = document.getElementById("transfer");
  const colleague = (one) => el(
    "label", { class: "choice" },
    el("input", { type: "radio", name: "to", value: one.username, required: true }),
    el("span", {}, one.name), el("small", {}, one.signed_in === false ? label("staff.away") : find("roles")[one.role] ?? ""),
  );
  part(dialog, "staff").replaceChildren(
    colleague({ username: "queue", name: label("staff.queue"), role: "" }),
    ...staff.filter((one) => one.username !== me).map(colleague),
  );
  if (!(await opened(dialog))) return null;
  return new FormData(dialog.querySelector("form")).get("to");
}

/** Ask for the summary that ends a conversation, beginning with `text`. */
export async function askEnd(text) {
  const dialog = document.getElementById("end");
  const form = dialog.querySelector("form");
  options(form.elements.category, "cards.categories");
  options(form.elements.result, "summary.results");
  form.elements.text.value = text;
  if (!(await opened(dialog))) return null;
  return Object.fromEntries(new FormData(form));
}

/** Ask for a text in the dialog of this id; `required` says whether it may be empty. */
export async function askText(id) {
  const dialog = document.getElementById(id);
  const form = dialog.querySelector("form");
  form.reset();
  if (!(await opened(dialog))) return null;
  return form.elements.text.value.trim();
}

/** Ask for a yes in the dialog of this id. */
export function askYes(id) {
  return opened(document.getElementById(id));
}

/** A dialog's cancel button must not demand that the form is filled. */
export function prepareDialogs() {
  for (const button of document.querySelectorAll("dialog [value=no]")) {
    button.addEventListener("click", () => button.closest("dialog").close("no"));
  }
}

/** Begin a summary with what the conversation itself says. */
export function draftSummary(handoff) {
  const since = new Date(handoff.waiting_since).getTime() - 10 * 60_000;
  const said = handoff.messages.filter((line) => line.text && new Date(line.created_at).getTime() >= since);
  const owners = said.filter((line) => line.sender === "owner");
  // What was asked of the person, else what led here; a bare call for a person says nothing.
  const telling = owners.filter((line) => line.text.length > SHORT);
  const handed = new Date(handoff.waiting_since).getTime();
  const asked = telling.find((line) => new Date(line.created_at).getTime() > handed) ?? telling.at(-1) ?? owners[0];
  const answered = said.findLast((line) => line.sender === "agent");
  return [
    asked ? label("summary.asked", { text: asked.text }) : null,
    answered ? label("summary.answered", { text: answered.text }) : null,
  ].filter(Boolean).join("\n");
}
