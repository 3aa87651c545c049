// The page's words: they come with the page, as JSON, and never live in a script.

let words = null;

function all() {
  words ??= JSON.parse(document.getElementById("labels").textContent);
  return words;
}

/** Return the label at a dotted path with its {places} filled; undefined if there is none. */
export function find(path, values = {}) {
  const found = path.split(".").reduce((at, key) => at?.[key], all());
  if (typeof found !== "string") return found;
  return found.replace(/\{(\w+)\}/g, (place, key) => (key in values ? String(values[key]) : place));
}

/** Return the label at a dotted path; the path itself if there is none, so that it shows up. */
export function label(path, values = {}) {
  return find(path, values) ?? path;
}

/** Return the label of a code in a group; the code itself if nobody named it. */
export function named(group, code) {
  return find(group)?.[code] ?? code;
}
