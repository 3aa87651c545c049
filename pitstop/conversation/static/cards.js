// Cards: what a message shows of a booking, an offer, a quote, a journey, a case, places or a car.

import { drawBooking } from "./booking.js";
import { el } from "./dom.js";
import { drawJourney } from "./journey.js";
import { find, label, named } from "./labels.js";
import { car, frame, navigation, rows, timed } from "./pieces.js";
import { drawQuote } from "./quote.js";
import { moment } from "./times.js";

function filed(card) {
  const node = frame(
    "case", label(card.kind === "complaint" || !card.kind ? "cards.complaint" : "cards.case"),
    named("cards.statuses", card.status),
    rows([
      ["number", card.number],
      ["category", named("cards.categories", card.category)],
      ["wish", card.wish],
      ["respond_by", card.status === "open"
        ? timed((time) => label("cards.until", { time: moment(time) }), card.respond_by) : null],
    ]),
  );
  node.dataset.status = card.status;
  return node;
}

function hoursOf(hours) {
  if (typeof hours === "string") return hours;
  if (!Array.isArray(hours) || hours.length === 0) return null;
  const texts = hours.map((window) => {
    const [opens, closes] = Array.isArray(window) ? window : [window.opens, window.closes];
    if (opens === "00:00" && closes === "24:00") return label("cards.open_all_day");
    return `${opens}–${closes}`;
  });
  return [...new Set(texts)].join(" ");
}

function placed(card) {
  return frame("places", label("cards.places"), null, el("ul", { class: "places" }, card.places.map((place) => {
    const far = Number.isFinite(place.distance_km)
      ? label("cards.km", { km: place.distance_km.toFixed(1) }) : null;
    const facts = [find("cards.place_kinds")?.[place.kind], far, hoursOf(place.hours), place.side];
    return el(
      "li", {},
      el("div", {}, el("p", { class: "card-title" }, place.name), el("p", {}, facts.filter(Boolean).join(" · "))),
      navigation(place),
    );
  })));
}

function driven(card) {
  const soc = Number(card.soc);
  const meter = el("meter", {
    min: 0, max: 100, low: 20, optimum: 80, value: soc, "aria-label": label("cards.fields.soc"),
  });
  return frame(
    "vehicle", car(card), null, meter,
    rows([
      ["soc", Number.isFinite(soc) ? label("cards.percent", { value: soc }) : null],
      ["range", card.range_km ? label("cards.km", { km: card.range_km }) : null],
      ["soh", card.soh ? label("cards.percent", { value: card.soh }) : null],
    ]),
  );
}

function located(card) {
  return frame("location", label("cards.location"), null, navigation({ ...card, name: label("cards.location") }));
}

const DRAWN = new Map([
  ["offer", drawBooking],
  ["booking", drawBooking],
  ["quote", drawQuote],
  ["journey", drawJourney],
  ["case", filed],
  ["places", placed],
  ["vehicle", driven],
  ["location", located],
]);

/** Return a card as an element; null for none, and for a kind this page does not know yet. */
export function drawCard(card) {
  const draw = DRAWN.get(card?.type);
  if (!draw) return null;
  try {
    return draw(card);
  } catch (error) {
    // The words above a card say the same: a card that makes no sense must not take them along.
    console.error(error);
    return null;
  }
}
