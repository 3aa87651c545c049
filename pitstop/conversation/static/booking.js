// A booking, and the offer that it was before the yes.

import { el } from "./dom.js";
import { find, label, named } from "./labels.js";
import {
  amountOf, car, frame, given, kept, links, listOf, nameOf, navigation, rows, standing, sum, timed, toCalendar, yuan,
} from "./pieces.js";
import { drawProgress } from "./progress.js";
import { hour, moment, span } from "./times.js";

// Somebody comes to the owner: there is nothing to drive to.
const COMES = new Set(["pickup", "on_site", "valet"]);

function whatOf(card) {
  const service = nameOf(card.service) ?? listOf(card.services).map(nameOf).join(label("cards.list"));
  return [named("cards.kinds", card.kind), service].filter(given).join(" · ");
}

function total(price) {
  const amount = amountOf(price);
  if (amount === null) return null;
  const text = amount === 0 ? label("cards.free") : yuan(amount);
  return price.estimate ? [el("span", { class: "estimate" }, label("cards.estimate")), ` ${text}`] : text;
}

// What it is made of, where that says more than the sum.
function made(price, kind) {
  const words = find(`cards.price_parts.${kind}`) ?? find("cards.price_parts.maintenance");
  const parts = ["parts", "labour", "visit"].map((part) => [words[part], amountOf(price?.[part])]).filter(([, value]) => value);
  if (parts.length < 2 && !price?.covered?.length) return null;
  return el("small", {}, sum(parts.map(([word, value]) => `${word} ${yuan(value)}`)));
}

function covered(price) {
  const paid = listOf(price?.covered).map((one) => [named("cards.covered", one?.reason), amountOf(one)]);
  return paid.filter(([, value]) => value).map(([reason, value]) => el(
    "span", { class: "covered" }, label("cards.covers", { reason, amount: yuan(value) }),
  ));
}

function notes(card) {
  const shown = listOf(card.notes).filter((note) => typeof note === "string" && note);
  return shown.length ? el("ul", { class: "card-notes" }, shown.map((note) => el("li", {}, note))) : null;
}

function timeOf(card) {
  if (card.kind === "rescue") return null;
  return kept(card.end ? timed(span, card.start, card.end) : timed(moment, card.start));
}

function linksOf(card) {
  const over = card.status === "cancelled" || card.status === "done" || card.status === "no_show";
  return links(
    card.type === "booking" ? toCalendar(card.calendar_url, card.status) : null,
    over || COMES.has(card.mode) ? null : navigation(card.place, card.navigation_url),
  );
}

/** Return a booking's or an offer's card. */
export function drawBooking(card) {
  const offer = card.type === "offer";
  const running = card.status === "in_progress";
  const price = total(card.price);
  const node = frame(
    card.type, label(`cards.${card.type}`), offer ? null : standing(card),
    el("p", { class: "card-title" }, whatOf(card)),
    running ? drawProgress(card.kind, card.step) : null,
    rows([
      ["time", timeOf(card)],
      ["ready", kept(timed(moment, card.ready_at))],
      ["lock_until", card.step === "locked" ? timed(hour, card.lock_until) : null],
      ["place", card.place?.name],
      ["side", card.place?.side],
      ["vehicle", car(card.vehicle)],
      ["mode", card.kind === "rescue" ? null : named("cards.modes", card.mode)],
      ["technician", nameOf(card.technician)],
      ["price", price && [el("span", {}, price), made(card.price, card.kind)].filter(Boolean)],
      ["covered", covered(card.price)],
      ["reference", card.reference],
    ]),
    notes(card),
    offer ? timed((time) => el("p", { class: "card-note" }, label("cards.valid_until", { time: moment(time) })), card.expires_at) : null,
    linksOf(card),
  );
  if (card.status) node.dataset.status = card.status;
  if (card.step) node.dataset.step = card.step;
  return node;
}
