// Above the day: the places to choose from, how many bookings stand how, and what is closed.

import { arrange, el } from "./shared/dom.js";
import { stopText, unplacedOf } from "./service_lanes.js";
import { called, groupOf, hours, say, stepOf } from "./service_words.js";
import { day as dayOf } from "./shared/times.js";

const GROUPS = ["expected", "inside", "waiting", "ready", "broken", "over"];
const STATION = "swap_station";

/** Fill the picker: stores, then stations, each by city. */
export function drawPlaces(select, places) {
  const groups = new Map();
  for (const place of [...places].sort((a, b) => Number(a.kind === STATION) - Number(b.kind === STATION))) {
    const name = say(place.kind === STATION ? "station_cities" : "store_cities", { city: place.city });
    groups.set(name, [...groups.get(name) ?? [], place]);
  }
  select.replaceChildren(...[...groups].map(([name, theirs]) => el("optgroup", { label: name }, theirs.map((place) => el("option", { value: place.id }, place.name)))));
}

function openHours(day) {
  const told = day.hours.map((one) => hours(one.start, one.end)).join(" ");
  if (day.closed) return told ? say("other_hours", { hours: told, reason: day.closed }) : say("closed", { reason: day.closed });
  return told ? say("open", { hours: told }) : say("closed_day");
}

function whyOut(day, booking) {
  if (booking.start.slice(0, 10) < day.day) return `${say("carried")}（${say("since", { day: dayOf(booking.start) })}）`;
  return booking.step === "broken" ? hours(booking.start, booking.end) : say("unplaced");
}

/** Show sums and closures; where the day is `drawn`, also what stands in no lane of it. */
export function drawHead(board, { drawn, lift }) {
  const { day } = board;
  const [sums, stops] = ["sums", "stops"].map((name) => document.querySelector(`[data-part=${name}]`));
  document.title = day ? say("title", { place: day.place.name }) : say("no_title");
  if (!day) return;
  const counts = GROUPS.map((group) => [group, day.bookings.filter((one) => groupOf(one) === group).length]).filter(([, count]) => count);
  sums.textContent = [openHours(day), ...counts.map(([group, count]) => say("counted", { name: called("groups", group), count }))].join(" · ");
  const state = JSON.stringify([day.closures, day.day, day.bookings, drawn]);
  if (state === stops.dataset.state) return;
  stops.dataset.state = state;
  arrange(stops, [
    ...day.closures.map((closure) => el(
      "li", { class: "stopped" },
      `${day.lanes.find((lane) => lane.id === closure.resource_id)?.label ?? say("place_itself")} ${stopText(closure)}`,
      board.may("work_service") ? el("button", { type: "button", class: "small", onclick: () => lift(closure) }, say("do.lift")) : null,
    )),
    ...(drawn ? unplacedOf(day) : []).map((booking) => el("li", {}, el(
      "button", { type: "button", class: "small", onclick: () => document.querySelector("day-line").dispatchEvent(new CustomEvent("chosen", { detail: booking.id })) },
      [whyOut(day, booking), stepOf(booking), booking.customer, booking.vehicle?.model].filter(Boolean).join(" · "),
    ))),
  ]);
}
