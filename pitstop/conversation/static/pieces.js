// What cards are made of. Whatever a card lacks is left out, and nothing here fails for it.

import { el, icon } from "./dom.js";
import { find, label, named } from "./labels.js";

/** Say whether there is something to show: text, a number, an element, or several of them. */
export function given(value) {
  if (Array.isArray(value)) return value.length > 0;
  return value !== "" && (["string", "number"].includes(typeof value) || value instanceof Node);
}

/** Return a list as it is; anything else is none. */
export function listOf(value) {
  return Array.isArray(value) ? value : [];
}

/** Return a card's frame: what it is, how it stands, and its body. */
export function frame(kind, heading, badge, ...body) {
  return el(
    "section", { class: `card card-${kind}` },
    el("header", {}, el("strong", {}, heading), given(badge) ? el("span", { class: "badge" }, badge) : null),
    ...body,
  );
}

/** Return names and values; a pair without a value is left out. */
export function rows(pairs) {
  const shown = pairs.filter(([, value]) => given(value));
  return el("dl", { class: "card-rows" }, shown.map(([field, value]) => el(
    "div", {}, el("dt", {}, find(`cards.fields.${field}`) ?? field), el("dd", {}, value),
  )));
}

/** Return what `show` makes of moments; null if one of them is none. */
export function timed(show, ...moments) {
  const good = moments.every((iso) => typeof iso === "string" && !Number.isNaN(Date.parse(iso)));
  return good ? show(...moments) : null;
}

/** Return an amount in yuan, bare or as the contract's pair, as a number; null if it is none. */
export function amountOf(money) {
  const bare = typeof money === "object" ? money?.amount : money;
  const value = given(bare) ? Number(bare) : NaN;
  return Number.isFinite(value) ? value : null;
}

/** Return yuan as text: ¥398, ¥85.60. */
export function yuan(value) {
  return label("cards.yuan", { amount: value.toFixed(2).replace(/\.00$/, "") });
}

/** Return a plate as it is painted: 沪A·D20751. */
export function painted(plate) {
  return typeof plate !== "string" ? null : plate.replace(/^([^\x00-\x7f][A-Z])(?=[A-Z\d*]{5,6}$)/, "$1·");
}

export function car(vehicle) {
  return vehicle ? [painted(vehicle.plate), vehicle.model].filter(given).join(" ") : null;
}

/** Return a text that breaks at its spaces alone: a time keeps its two ends together. */
export function kept(text) {
  return text?.split(" ").flatMap((word, i) => [i ? " " : null, el("span", { class: "keep" }, word)]).filter(Boolean);
}

/** Return terms of a sum, each of which stays on one line. */
export function sum(terms) {
  return terms.flatMap((term, i) => [i ? label("cards.plus") : null, el("span", { class: "keep" }, term)]).filter(Boolean);
}

/** Return the name of somebody or something that may come as a name or with one. */
export function nameOf(one) {
  const name = typeof one === "object" ? one?.name : one;
  return given(name) ? name : null;
}

/** Return the badge's text: the step while something is to come, where it has a word. */
export function standing(card) {
  const open = card.status === "confirmed" || card.status === "in_progress";
  return (open ? find("cards.steps")?.[card.step] : null) ?? named("cards.statuses", card.status);
}

// An address out of a card is followed only if it is ours, or safe to open.
function safe(href) {
  return typeof href === "string" && /^(https:\/\/|\/(?!\/))/.test(href) ? href : null;
}

function mapOf(place) {
  const at = Number.isFinite(place.lat) && Number.isFinite(place.lng);
  return label(at ? "cards.map_url" : "cards.map_search_url", { ...place, name: encodeURIComponent(place.name) });
}

/** Return a link that leads to a place: to `url` if the card brings one. */
export function navigation(place, url = null) {
  if (!place?.name) return null;
  return el(
    "a", {
      class: "navigate", href: safe(url) ?? mapOf(place), target: "_blank", rel: "noopener noreferrer",
      "aria-label": label("cards.navigate_to", { name: place.name }),
    },
    icon("navigate"), label("cards.navigate"),
  );
}

/** Return a link that puts a booking into the phone's calendar, or brings it up to date there. */
export function toCalendar(url, status) {
  if (!safe(url)) return null;
  const word = label(status === "cancelled" ? "cards.calendar_update" : "cards.calendar");
  return el("a", { class: "navigate to-calendar", href: safe(url) }, icon("calendar"), word);
}

/** Return links side by side; null for none. */
export function links(...all) {
  const shown = all.filter(Boolean);
  return shown.length ? el("p", { class: "card-links" }, shown) : null;
}
