// What a day's lanes hold: when each cannot be used, and what stands in it.

import { find } from "./shared/labels.js";
import { called, groupOf, hours, say } from "./service_words.js";

const ORDER = ["bay", "technician", "demo_car", "driver", "van"];
const TRAVELLERS = new Set(["driver", "van"]);

/** Return the stretches of `whole` that none of `windows` covers. */
function gaps(whole, windows) {
  const found = [];
  let at = whole.start;
  for (const { start, end } of [...windows].sort((a, b) => Date.parse(a.start) - Date.parse(b.start))) {
    if (Date.parse(start) > Date.parse(at)) found.push({ start: at, end: start });
    if (Date.parse(end) > Date.parse(at)) at = end;
  }
  if (Date.parse(at) < Date.parse(whole.end)) found.push({ start: at, end: whole.end });
  return found;
}

/** Return why a lane cannot be used at times: "限电 14:00–16:00". */
export function stopText(closure) {
  const reason = [called("reasons", closure.reason), closure.note].filter(Boolean).join("：");
  return say("stopped", { reason, start: hours(closure.start, closure.end).split("–")[0], end: hours(closure.start, closure.end).split("–")[1] });
}

/** Return when a lane works and why it does not, in a few words; null where that says nothing. */
export function factsOf(day, lane) {
  const facts = [];
  if (lane.away) facts.push(say(lane.shifts?.length ? "changed_shift" : "away", { reason: lane.away }));
  if (lane.shifts?.length) facts.push(lane.shifts.map((one) => hours(one.start, one.end)).join(" "));
  if (lane.kind === "technician") facts.push(lane.skills.map((one) => find("service.skills")?.[one] ?? one).join(" "));
  if (lane.kind === "demo_car") facts.push(lane.skills.join(" "));
  return facts.filter(Boolean).join(" · ") || null;
}

function trackOf(day, lane, blocks) {
  const closed = gaps(day.drawn, day.hours);
  const away = lane.shifts ? gaps(day.drawn, lane.shifts) : closed;
  const theirs = day.closures.filter((one) => !one.resource_id || one.resource_id === lane.id);
  return {
    label: lane.kind === "pack" && lane.soc !== null ? say("pack", lane) : lane.label,
    facts: lane.kind === "pack" ? null : factsOf(day, lane),
    off: away,
    stops: theirs.map((one) => ({ ...one, text: stopText(one) })),
    blocks: blocks.sort((a, b) => Date.parse(a.start) - Date.parse(b.start)),
  };
}

function held(day, lane) {
  const found = [];
  const driven = day.journeys.filter((one) => one.worker_id === lane.id);
  for (const booking of day.bookings) {
    // A driver's way is told by the journey, where there is one.
    if (TRAVELLERS.has(lane.kind) && driven.some((one) => one.booking_id === booking.id)) continue;
    const holds = booking.holds.filter((one) => one.lane === lane.id);
    for (const hold of holds) found.push({ booking, lane: lane.label, start: hold.start, end: hold.end });
    // What a finished booking had is free again; who did it is still told.
    const was = groupOf(booking) === "over" && booking.status === "done" && booking.technician_id === lane.id;
    if (!holds.length && was && booking.start.slice(0, 10) === day.day) found.push({ booking, lane: lane.label, start: booking.start, end: booking.end });
  }
  return [...found, ...journeysOf(day, driven, lane.label)];
}

function journeysOf(day, journeys, lane) {
  return journeys.flatMap((journey) => {
    const booking = day.bookings.find((one) => one.id === journey.booking_id);
    return booking ? [{ booking, journey, lane, start: journey.start, end: journey.end }] : [];
  });
}

function bare(label, blocks) {
  return { label, facts: null, off: [], stops: [], blocks };
}

/** Return the swaps that will take a pack of this size when their time comes. */
export function plansOf(day, kwh) {
  const packs = new Set(day.lanes.filter((lane) => lane.kind === "pack").map((lane) => lane.id));
  return day.bookings.filter((booking) => booking.kind === "swap" && booking.vehicle?.pack_kwh === kwh
    && booking.step !== "broken" && groupOf(booking) !== "over" && !booking.holds.some((hold) => packs.has(hold.lane)));
}

/** Return a station's packs by size: [{kwh, lanes, name}]. */
export function packsOf(day) {
  const sizes = new Map();
  for (const lane of day.lanes) {
    if (lane.kind !== "pack") continue;
    sizes.set(lane.pack_kwh, [...sizes.get(lane.pack_kwh) ?? [], lane]);
  }
  return [...sizes].sort(([a], [b]) => a - b).map(([kwh, lanes]) => {
    const known = lanes.map((lane) => lane.soc).filter((soc) => soc !== null).sort((a, b) => b - a);
    const unit = say("unit", { kwh });
    const socs = known.map((soc) => `${soc}%`).join(" ");
    return { kwh, lanes, name: say(known.length ? "packs" : "packs_none", { unit, count: lanes.length, socs }) };
  });
}

/** Return the groups of a day's lanes, each with its tracks. */
export function tracksOf(day) {
  const groups = ORDER.map((kind) => {
    const tracks = day.lanes.filter((lane) => lane.kind === kind).map((lane) => trackOf(day, lane, held(day, lane)));
    return { name: called("lanes", kind), tracks, low: false };
  });
  const nobodys = journeysOf(day, day.journeys.filter((one) => !one.worker_id), say("nobody"));
  const drivers = groups[ORDER.indexOf("driver")];
  if (nobodys.length) drivers.tracks.push(bare(say("nobody"), nobodys));
  for (const { kwh, lanes, name } of packsOf(day)) {
    const plans = plansOf(day, kwh).map((booking) => ({ booking, lane: say("plans"), start: booking.start, end: booking.end }));
    const own = (lane) => day.closures.some((one) => one.resource_id === lane.id);
    const tracks = lanes.map((lane) => [lane, held(day, lane)]).filter(([lane, blocks]) => blocks.length || own(lane))
      .map(([lane, blocks]) => trackOf(day, lane, blocks));
    // What stands idle is told by the group's name: a station has some twenty packs.
    const idle = lanes.length - tracks.length;
    groups.push({
      name, low: true,
      tracks: [plans.length ? bare(say("plans"), plans) : null, ...tracks, idle ? bare(say("idle", { count: idle }), []) : null].filter(Boolean),
    });
  }
  return groups.filter((group) => group.tracks.length);
}

/** Return the bookings that stand in no lane although they are under way. */
export function unplacedOf(day) {
  const lanes = new Set(day.lanes.map((lane) => lane.id));
  const planned = new Set(packsOf(day).flatMap(({ kwh }) => plansOf(day, kwh)).map((one) => one.id));
  return day.bookings.filter((booking) => groupOf(booking) !== "over" && !planned.has(booking.id)
    && !booking.holds.some((hold) => lanes.has(hold.lane)) && !day.journeys.some((one) => one.booking_id === booking.id));
}
