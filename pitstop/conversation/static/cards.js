// Cards: what a message shows of a booking, an offer, a case, places or a car.

import { el, icon } from "./dom.js";
import { find, label, named } from "./labels.js";
import { moment, span } from "./times.js";

function rows(pairs) {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return el("dl", { class: "card-rows" }, shown.map(([field, value]) => el(
    "div", {}, el("dt", {}, label(`cards.fields.${field}`)), el("dd", {}, value),
  )));
}

function frame(kind, heading, badge, ...body) {
  return el(
    "section", { class: `card card-${kind}` },
    el("header", {}, el("strong", {}, heading), badge ? el("span", { class: "badge" }, badge) : null),
    ...body,
  );
}

function navigation(place) {
  if (!place) return null;
  const placed = Number.isFinite(place.lat) && Number.isFinite(place.lng);
  const href = label(placed ? "cards.map_url" : "cards.map_search_url", { ...place, name: encodeURIComponent(place.name) });
  return el(
    "a", {
      class: "navigate", href, target: "_blank", rel: "noopener noreferrer",
      "aria-label": label("cards.navigate_to", { name: place.name }),
    },
    icon("navigate"), label("cards.navigate"),
  );
}

function money(price) {
  if (!price) return null;
  const amount = String(price.amount).replace(/\.00$/, "");
  if (Number(amount) === 0) return label("cards.free");
  const text = label("cards.yuan", { amount });
  return price.estimate ? [el("span", { class: "estimate" }, label("cards.estimate")), ` ${text}`] : text;
}

/** Return a plate as it is painted: 沪A·D20751. */
function painted(plate) {
  return plate?.replace(/^([^\x00-\x7f][A-Z])(?=[A-Z\d*]{5,6}$)/, "$1·");
}

function car(vehicle) {
  return vehicle ? [painted(vehicle.plate), vehicle.model].filter(Boolean).join(" ") : null;
}

/** Return a text that breaks at its spaces alone: a time keeps its two ends together. */
function kept(text) {
  return text.split(" ").flatMap((word, i) => [i ? " " : null, el("span", { class: "keep" }, word)]).filter(Boolean);
}

function nameOf(service) {
  return typeof service === "object" ? service?.name : service;
}

function booked(kind, card) {
  const status = kind === "offer" ? null : find("cards.steps")?.[card.step] ?? named("cards.statuses", card.status);
  const what = [named("cards.kinds", card.kind), nameOf(card.service)].filter(Boolean).join(" · ");
  const node = frame(
    kind, label(`cards.${kind}`), status,
    el("p", { class: "card-title" }, what),
    rows([
      ["time", card.kind === "rescue" ? null : kept(span(card.start, card.end))],
      ["place", card.place?.name],
      ["side", card.place?.side],
      ["vehicle", car(card.vehicle)],
      ["mode", card.kind === "rescue" ? null : named("cards.modes", card.mode)],
      ["price", money(card.price)],
      ["reference", card.reference],
    ]),
    card.expires_at && kind === "offer"
      ? el("p", { class: "card-note" }, label("cards.valid_until", { time: moment(card.expires_at) })) : null,
    card.mode === "pickup" ? null : navigation(card.place),
  );
  if (card.status) node.dataset.status = card.status;
  return node;
}

function filed(card) {
  const node = frame(
    "case", label(card.kind === "complaint" || !card.kind ? "cards.complaint" : "cards.case"),
    named("cards.statuses", card.status),
    rows([
      ["number", card.number],
      ["category", named("cards.categories", card.category)],
      ["wish", card.wish],
      ["respond_by", card.status === "open" && card.respond_by
        ? label("cards.until", { time: moment(card.respond_by) }) : null],
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

/** Return a card as an element; null for none and for a kind this page does not know yet. */
export function drawCard(card) {
  switch (card?.type) {
    case "offer":
    case "booking": return booked(card.type, card);
    case "case": return filed(card);
    case "places": return placed(card);
    case "vehicle": return driven(card);
    case "location": return located(card);
    default: return null;
  }
}
