// The dialog for what does not fit into a cell: lists, pairs, hours. Each editor is a node with
// `read()`, which returns the value as the API takes it.

import { fieldsOf, same, typeOf } from "./setup_show.js";
import "./setup_week.js";
import { say } from "./setup_words.js";
import { el } from "./shared/dom.js";

const lines = (text) => text.split("\n").map((line) => line.trim()).filter(Boolean);

function textarea(label, items) {
  const area = el("textarea", { rows: String(Math.min(10, Math.max(4, items.length + 1))), spellcheck: "false" });
  area.value = items.join("\n");
  return { node: el("label", {}, label, area), read: () => lines(area.value) };
}

function boxes(choices, chosen, legend) {
  const made = Object.entries(choices).map(([code, label]) => {
    const box = el("input", { type: "checkbox", value: code });
    box.checked = chosen.includes(code);
    return { box, node: el("label", { class: "choice" }, box, el("span", {}, label)) };
  });
  return {
    node: el("fieldset", { class: "boxes" }, el("legend", { class: "quiet" }, legend), ...made.map(({ node }) => node)),
    read: () => made.filter(({ box }) => box.checked).map(({ box }) => box.value),
  };
}

function codes(column, value, row) {
  const known = Object.keys(column.choices);
  // Only technicians have skills; a demo car is a model.
  const skilled = known.length > 0 && row.kind !== "demo_car";
  const picked = skilled ? boxes(column.choices, value, column.label) : null;
  const rest = value.filter((code) => !skilled || !known.includes(code));
  const free = skilled && row.kind === "technician" && !rest.length ? null : textarea(skilled ? say("others") : say("one_per_line"), rest);
  return {
    node: el("div", {}, picked?.node, free?.node),
    read: () => [...(picked?.read() ?? []), ...(free?.read() ?? [])],
  };
}

/** Return an editor of several alike: `draw(value)` makes one of them, `read` takes them together. */
function several(items, fresh, draw, gather) {
  const list = el("ul", { class: "several" });
  const made = [];
  const number = () => made.forEach(({ drop }, at) => drop.setAttribute("aria-label", say("drop_one", { number: at + 1 })));
  const add = (item, focus) => {
    const one = draw(item);
    one.drop = el("button", { type: "button", class: "small", onclick: () => {
      const at = made.indexOf(one);
      made.splice(at, 1);
      one.row.remove();
      number();
      (made[Math.min(at, made.length - 1)]?.row.querySelector("input, select") ?? more).focus();
    } }, "×");
    one.row = el("li", {}, ...one.nodes, one.drop);
    made.push(one);
    list.append(one.row);
    number();
    if (focus) one.row.querySelector("input, select").focus();
  };
  const more = el("button", { type: "button", class: "small", onclick: () => add(fresh, true) }, say("add_one"));
  for (const item of items) add(item, false);
  return { node: el("div", {}, list, more), read: () => gather(made.map((one) => one.read()).filter(Boolean)) };
}

function labelled(label, control) {
  return el("label", {}, el("span", {}, label), control);
}

const figure = (value, mode = "numeric") => el("input", { type: "text", inputmode: mode, autocomplete: "off", value: value ?? "" });

function counts(column, value, _row, names) {
  const known = names[column.refers] ?? {};
  return several(Object.entries(value), ["", 1], ([key, count]) => {
    const part = el("select", {}, el("option", { value: "" }), ...Object.entries({ ...(key && !known[key] ? { [key]: key } : {}), ...known }).map(([code, name]) => el("option", { value: code }, name)));
    part.value = key;
    const number = figure(count);
    return { nodes: [labelled(say("part"), part), labelled(say("count_of"), number)], read: () => part.value && [part.value, number.value.trim()] };
  }, Object.fromEntries);
}

function prices(_column, value) {
  return several(Object.entries(value), ["", { parts: "", labour: "" }], ([model, price]) => {
    const [name, parts, labour] = [figure(model, "text"), figure(price.parts, "decimal"), figure(price.labour, "decimal")];
    return {
      nodes: [labelled(say("model"), name), labelled(say("parts_price"), parts), labelled(say("labour_price"), labour)],
      read: () => name.value.trim() && [name.value.trim(), { parts: parts.value.trim() || "0", labour: labour.value.trim() || "0" }],
    };
  }, Object.fromEntries);
}

function arrivals(_column, value) {
  return several(value, { date: "", count: 1 }, (one) => {
    const [date, count] = [el("input", { type: "date", value: one.date }), figure(one.count)];
    return { nodes: [labelled(say("date"), date), labelled(say("count_of"), count)], read: () => date.value && { date: date.value, count: count.value.trim() } };
  }, (all) => all);
}

function parameters(column, value) {
  const before = fieldsOf(value);
  const fields = column.fields.map(({ name, label, help }) => {
    const long = name.startsWith("arrivals.");
    const input = long ? el("textarea", { rows: "3", spellcheck: "false" }) : figure(before[name], "text");
    input.value = before[name] ?? "";
    return { name, input, node: el("label", {}, label, help ? el("small", {}, help) : null, input) };
  });
  const read = () => Object.fromEntries(fields.map(({ name, input }) => [name, input.value.trim()]).filter(([, text]) => text));
  // What nobody touched stays as it was: the server reads both.
  return { node: el("div", { class: "several" }, ...fields.map(({ node }) => node)), read: () => (same(read(), before) ? value : read()) };
}

function warranty(column, value) {
  const fields = Object.entries(column.choices).map(([code, label]) => ({ code, label, input: figure(value[code]) }));
  return {
    node: el("div", { class: "several" }, ...fields.map(({ label, input }) => labelled(label, input))),
    read: () => Object.fromEntries(fields.filter(({ input }) => input.value.trim()).map(({ code, input }) => [code, input.value.trim()])),
  };
}

function hours(value, week) {
  const node = document.createElement("week-hours");
  node.show(value, week);
  return { node, read: () => node.value };
}

const EDITORS = {
  list: (column, value) => textarea(say("one_per_line"), value),
  codes,
  choices: (column, value) => boxes(column.choices, value, column.label),
  week: (column, value) => hours(value, true),
  windows: (column, value) => hours(value, false),
  counts,
  prices,
  arrivals,
  parameters,
  warranty,
};

function editorOf(column, line, names, groups) {
  const row = line.all;
  const value = structuredClone(line.at(column) ?? column.empty ?? []);
  const [type, group] = column.type === "value" ? row.kind.split(":") : [typeOf(column, row)];
  if (group) return boxes(groups[group] ?? {}, value, column.label);
  return EDITORS[type](column, value, row, names);
}

/** Ask for the value of a cell in a dialog; promises it, or undefined where it stays. */
export function askValue({ column, line, title, names, groups }) {
  const dialog = document.getElementById("value");
  const part = (name) => dialog.querySelector(`[data-part=${name}]`);
  const editor = editorOf(column, line, names, groups);
  part("title").textContent = title;
  part("about").textContent = column.help;
  part("fields").replaceChildren(editor.node);
  dialog.dataset.type = column.type;
  dialog.returnValue = "";
  dialog.showModal();
  (dialog.querySelector("[data-part=fields] :is(input, select, textarea, button)") ?? dialog.querySelector("[value=yes]")).focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      const value = dialog.returnValue === "yes" ? editor.read() : undefined;
      part("fields").replaceChildren();
      resolve(value);
    }, { once: true });
  });
}
