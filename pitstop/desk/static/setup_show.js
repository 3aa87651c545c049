// A value as people read it in a cell.

import { listed, say } from "./setup_words.js";

/** Return a window of hours: 08:30–12:00. */
export const span = ({ opens, closes }) => `${opens}–${closes}`;

/** Say whether there is nothing in a value. */
export function isEmpty(value) {
  if (value === null || value === undefined || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

/** Say whether two values are the same. */
export const same = (one, other) => JSON.stringify(one ?? null) === JSON.stringify(other ?? null);

/** Return the type that a cell is edited as: a rule says its own. */
export function typeOf(column, row) {
  if (column.type !== "value") return column.type;
  return row.kind?.split(":")[0] ?? "text";
}

const together = (parts) => parts.filter(Boolean).join(say("and"));

/** Return the days of a week that are alike as words: 周一至周五. */
export function daysText(days) {
  const names = listed("days");
  if (days.length === 7) return say("every_day");
  const runs = [];
  for (const day of days) {
    if (runs.length && runs.at(-1).at(-1) === day - 1) runs.at(-1).push(day);
    else runs.push([day]);
  }
  return together(runs.flatMap((run) => (
    run.length > 2 ? [`${names[run[0] - 1]}${say("to")}${names[run.at(-1) - 1]}`] : run.map((day) => names[day - 1])
  )));
}

/** Return a week's windows day by day, Monday first. */
export function byDay(week) {
  const days = Array.from({ length: 7 }, () => []);
  for (const { days: on, opens, closes } of week ?? []) for (const day of on) days[day - 1].push({ opens, closes });
  for (const day of days) day.sort((one, other) => one.opens.localeCompare(other.opens));
  return days;
}

/** Return days as a week: days with the same windows stand together. */
export function weekOf(days) {
  const groups = new Map();
  days.forEach((windows, at) => {
    if (!windows.length) return;
    const key = JSON.stringify(windows);
    if (!groups.has(key)) groups.set(key, { days: [], windows });
    groups.get(key).days.push(at + 1);
  });
  return [...groups.values()].flatMap(({ days: on, windows }) => windows.map((one) => ({ days: on, ...one })));
}

function weekText(week) {
  const groups = new Map();
  byDay(week).forEach((windows, at) => {
    if (!windows.length) return;
    const key = windows.map(span).join(say("and"));
    groups.set(key, [...(groups.get(key) ?? []), at + 1]);
  });
  return [...groups].map(([hours, days]) => `${daysText(days)} ${hours}`).join("\n");
}

const figures = (value) => {
  if (Array.isArray(value)) return value.join(" ");
  if (typeof value === "object") return Object.entries(value).map(([key, one]) => `${key}=${one}`).join(" ");
  return String(value);
};

/** Return a station's document as its fields, each as people write it. */
export function fieldsOf(value) {
  const flat = Object.entries(value ?? {}).flatMap(([name, one]) => (
    name === "arrivals" && typeof one === "object" ? Object.entries(one).map(([day, hours]) => [`arrivals.${day}`, hours]) : [[name, one]]
  ));
  return Object.fromEntries(flat.map(([name, one]) => [name, figures(one)]));
}

const SHOWN = {
  flag: (value) => say(value ? "yes" : "no"),
  choice: (value, { choices }) => choices[value] ?? value,
  choices: (value, { choices }) => together(value.map((code) => choices[code] ?? code)),
  codes: (value, { choices }) => together(value.map((code) => choices[code] ?? code)),
  list: (value) => together(value),
  week: (value) => weekText(value),
  windows: (value) => together(value.map(span)),
  reference: (value, column, names) => names[column.refers]?.[value] ?? value,
  counts: (value, column, names) => together(Object.entries(value).map(([key, count]) => say("times", { name: names[column.refers]?.[key] ?? key, count }))),
  prices: (value) => together(Object.entries(value).map(([model, price]) => say("price", { model, ...price }))),
  warranty: (value, { choices }) => together(Object.entries(value).map(([key, number]) => `${number}${choices[key] ?? key}`)),
  arrivals: (value) => together(value.map(({ date, count }) => say("times", { name: date, count }))),
  parameters: (value, { fields }) => {
    const written = fieldsOf(value);
    return fields.filter(({ name }) => written[name]).map(({ name, label }) => say("pair", { name: label, value: written[name] })).join("\n");
  },
};

/** Return a value as people read it; empty where there is nothing. `row` are its values. */
export function shown(column, value, names, row = {}, groups = {}) {
  if (isEmpty(value)) return "";
  if (column.type === "value") {
    const [type, group] = (row.kind ?? "text").split(":");
    if (type === "choices") return together(value.map((code) => groups[group]?.[code] ?? code));
    return type === "flag" || type === "codes" ? SHOWN[type](value, { choices: {} }) : String(value);
  }
  return SHOWN[column.type]?.(value, column, names) ?? String(value);
}
