// Extra work that the workshop proposes, with what the owner decided.

import { el } from "./dom.js";
import { label, named } from "./labels.js";
import { amountOf, car, frame, listOf, rows, sum, yuan } from "./pieces.js";

function decision(line, open) {
  if (line.approved === true) return ["approved", label("cards.decided.approved")];
  if (line.approved === false) return ["declined", label("cards.decided.declined")];
  return open ? ["open", label("cards.decided.open")] : null;
}

function totalOf(line) {
  const [parts, labour] = [amountOf(line.parts), amountOf(line.labour)];
  return amountOf(line.total) ?? (parts === null && labour === null ? null : (parts ?? 0) + (labour ?? 0));
}

function made(line) {
  const words = [["parts", line.parts], ["labour", line.labour]];
  const shown = words.map(([part, value]) => [label(`cards.price_parts.maintenance.${part}`), amountOf(value)]).filter(([, value]) => value);
  return sum(shown.map(([word, value]) => `${word} ${yuan(value)}`));
}

function drawLine(line, open) {
  const [total, decided] = [totalOf(line), decision(line, open)];
  const detail = made(line);
  return el(
    "li", { "data-decision": decided?.[0] },
    el("p", { class: "line-name" }, el("span", {}, line.name), total === null ? null : el("b", {}, yuan(total))),
    line.reason ? el("p", { class: "line-reason" }, line.reason) : null,
    detail.length || decided
      ? el("p", { class: "line-made" }, el("span", {}, detail), decided ? el("span", { class: "decision" }, decided[1]) : null)
      : null,
  );
}

// Said only where it is not the whole: some lines yes, some no.
function approvedOf(card, lines) {
  const yes = lines.filter((line) => line.approved === true);
  if (yes.length === 0 || yes.length === lines.length) return null;
  const fen = yes.reduce((all, line) => all + Math.round((totalOf(line) ?? 0) * 100), 0);
  return yuan(amountOf(card.approved_total) ?? fen / 100);
}

/** Return a quote's card. */
export function drawQuote(card) {
  const lines = listOf(card.lines).filter(Boolean);
  const open = card.status === "open";
  const total = amountOf(card.total);
  const heading = card.number > 1 ? label("cards.quote_number", { number: card.number }) : label("cards.quote");
  const node = frame(
    "quote", heading, card.status ? named("cards.quote_statuses", card.status) : null,
    el("ol", { class: "quote-lines" }, lines.map((line) => drawLine(line, open))),
    rows([
      ["total", total === null ? null : yuan(total)],
      ["approved", approvedOf(card, lines)],
      ["vehicle", car(card.vehicle)],
      ["reference", card.reference],
    ]),
    open ? el("p", { class: "card-note" }, label("cards.quote_rule")) : null,
  );
  if (card.status) node.dataset.status = card.status;
  return node;
}
