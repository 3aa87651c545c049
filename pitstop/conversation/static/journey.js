// Somebody on the way to the owner: who, how to reach them, and the code to know them by.

import { el } from "./dom.js";
import { find, label, named } from "./labels.js";
import { frame, kept, nameOf, rows, timed } from "./pieces.js";
import { moment, span } from "./times.js";

function windowOf(card) {
  const [start, end] = [card.window?.start ?? card.start, card.window?.end ?? card.end];
  return kept(end ? timed(span, start, end) : timed(moment, start));
}

// A number with stars in it cannot be dialled; a relay's can.
function phoneOf(phone) {
  if (!phone) return null;
  return /^[\d+-]+$/.test(phone) ? el("a", { href: `tel:${phone}` }, phone) : phone;
}

/** Return a journey's card. */
export function drawJourney(card) {
  const person = card.driver ?? card.worker;
  const heading = find("cards.legs")?.[card.leg] ?? label("cards.journey");
  const code = find("cards.codes")?.[card.leg] ?? label("cards.fields.code");
  const node = frame(
    "journey", heading, card.status ? named("cards.journey_statuses", card.status) : null,
    card.code ? el("p", { class: "code" }, el("span", {}, code), el("b", {}, [...String(card.code)].join(" "))) : null,
    rows([
      ["driver", nameOf(person)],
      ["phone", phoneOf(card.phone ?? person?.phone)],
      ["window", windowOf(card)],
      ["place", nameOf(card.place)],
      ["reference", card.reference],
    ]),
    card.code && card.status !== "finished" ? el("p", { class: "card-note" }, label("cards.code_rule")) : null,
  );
  if (card.status) node.dataset.status = card.status;
  return node;
}
