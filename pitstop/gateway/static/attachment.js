// Pictures, voice notes and PDFs. They are behind the owner's token, so each is fetched, not linked.

import { el, icon } from "./shared/dom.js";
import { label } from "./shared/labels.js";

const LARGEST = 10 * 1024 * 1024;

/** Return why a file cannot be sent (a label's path), or null. */
export function objection(file) {
  if (file.size > LARGEST) return "attachments.too_large";
  if (!/^(image|audio)\/|^application\/pdf$/.test(file.type)) return "attachments.wrong_kind";
  return null;
}

/** Return what kind of attachment a file makes. */
export function kindOf(file) {
  if (file.type === "application/pdf") return "pdf";
  return file.type.startsWith("audio/") ? "voice" : "image";
}

function enlarge(address) {
  const dialog = el(
    "dialog", { class: "picture", "aria-label": label("attachments.image"), onclick: () => dialog.close() },
    el("img", { src: address, alt: label("attachments.image") }),
    el("button", { type: "button", class: "round", "aria-label": label("close") }, icon("close")),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function image(load) {
  const picture = el("img", { alt: label("attachments.image") });
  const button = el("button", { type: "button", class: "attachment image", "aria-label": label("attachments.enlarge") }, picture);
  button.addEventListener("click", () => enlarge(picture.src));
  // A kind that this browser cannot draw can still be saved.
  picture.addEventListener("error", () => button.replaceWith(saved("image", load)));
  load().then((blob) => { picture.src = URL.createObjectURL(blob); }, () => button.replaceWith(saved("image", load)));
  return button;
}

function voice(load) {
  const button = el("button", { type: "button", class: "attachment voice" }, icon("sound"), label("attachments.play"));
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const player = el("audio", { controls: true, autoplay: true, src: URL.createObjectURL(await load()), "aria-label": label("attachments.voice") });
      // A phone's AMR is played by few browsers.
      player.addEventListener("error", () => player.replaceWith(saved("voice", load)));
      button.replaceWith(player);
    } catch {
      button.replaceWith(saved("voice", load));
    }
  });
  return button;
}

async function save(button, kind, load) {
  try {
    const address = URL.createObjectURL(await load());
    el("a", { href: address, download: label(`attachments.names.${kind}`) }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  } catch {
    button.append(` · ${label("attachments.unavailable")}`);
    button.disabled = true;
  }
}

function saved(kind, load) {
  const button = el("button", { type: "button", class: "attachment file" }, icon("file"), label(`attachments.${kind}`));
  button.addEventListener("click", () => save(button, kind, load));
  return button;
}

/** Return an attachment as an element; `load()` promises its bytes. */
export function drawAttachment(kind, load) {
  let kept = null;
  const once = () => (kept ??= load());
  if (kind === "image") return image(once);
  return kind === "voice" ? voice(once) : saved(kind, once);
}
