// Times as people in Shanghai read them, whatever zone the browser is in.

import { find, label } from "./labels.js";

const ZONE = "Asia/Shanghai";
const PARTS = new Intl.DateTimeFormat("en-GB", {
  timeZone: ZONE, year: "numeric", month: "numeric", day: "numeric",
  hour: "2-digit", minute: "2-digit", hourCycle: "h23",
});
const DAY = 86_400_000;
let offset = 0;

/** Take the server's time: a demo's clock may have been put to another day. */
export function observe(iso) {
  const difference = new Date(iso).getTime() - Date.now();
  if (Number.isNaN(difference)) return;
  // A few seconds are the network's, not the clock's.
  offset = Math.abs(difference) > 5_000 ? difference : 0;
}

/** Return the server's present in milliseconds. */
export function now() {
  return Date.now() + offset;
}

function parts(when) {
  const found = Object.fromEntries(PARTS.formatToParts(when).map((part) => [part.type, part.value]));
  return {
    year: Number(found.year), month: Number(found.month), day: Number(found.day),
    time: `${found.hour}:${found.minute}`,
  };
}

function dayNumber({ year, month, day }) {
  return Date.UTC(year, month - 1, day) / DAY;
}

function weekday(of) {
  return find("times.weekdays")[new Date(Date.UTC(of.year, of.month - 1, of.day)).getUTCDay()];
}

/** Return "14:05". */
export function hour(iso) {
  return parts(new Date(iso)).time;
}

/** Return a mark as chats show it: 14:05, 昨天 14:05, 周一 14:05, 3月5日 14:05. */
export function mark(iso) {
  const at = parts(new Date(iso));
  const today = parts(new Date(now()));
  const ago = dayNumber(today) - dayNumber(at);
  if (ago === 0) return at.time;
  if (ago === 1) return `${label("times.yesterday")} ${at.time}`;
  if (ago > 1 && ago < 7) return `${weekday(at)} ${at.time}`;
  return `${day(iso)} ${at.time}`;
}

/** Return a day, with its year where that is another one. */
export function day(iso) {
  const at = parts(new Date(iso));
  return label(at.year === parts(new Date(now())).year ? "times.day" : "times.year", at);
}

/** Return a moment with its weekday: 11月23日 周一 09:30. */
export function moment(iso) {
  const at = parts(new Date(iso));
  return `${label("times.day", at)} ${weekday(at)} ${at.time}`;
}

/** Return a span: 11月23日 周一 09:30–11:00; both days where it ends on another. */
export function span(start, end) {
  if (!end) return moment(start);
  const [from, to] = [parts(new Date(start)), parts(new Date(end))];
  if (dayNumber(from) === dayNumber(to)) return `${moment(start)}–${to.time}`;
  return `${moment(start)} – ${moment(end)}`;
}

/** Return a length in milliseconds as 0:45, 12:05 or 3:07:00. */
export function counted(ms) {
  const seconds = Math.floor(Math.abs(ms) / 1000);
  const two = (n) => String(n).padStart(2, "0");
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
