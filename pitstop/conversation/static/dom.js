// Building elements. Children are nodes or text: nothing here ever parses HTML.

const SVG = "http://www.w3.org/2000/svg";

/** Return an element. `on…` are listeners, `class`/`data-…`/`aria-…` attributes, false is left out. */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value") node.value = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Return an icon out of the page's own sprite. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

const ADDRESS = /https:\/\/[\w./?=&%#:~+@!,;-]+[\w/=&#]/g;

/** Return `text` as nodes, with https addresses as links. */
export function linked(text) {
  const nodes = [];
  let from = 0;
  for (const match of text.matchAll(ADDRESS)) {
    nodes.push(text.slice(from, match.index));
    nodes.push(el("a", { href: match[0], target: "_blank", rel: "noopener noreferrer" }, match[0]));
    from = match.index + match[0].length;
  }
  nodes.push(text.slice(from));
  return nodes;
}

/** Make `parent` hold exactly `nodes`, moving as little as possible (focus and scroll stay). */
export function arrange(parent, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...parent.childNodes]) if (!wanted.has(child)) child.remove();
  let at = parent.firstChild;
  for (const node of nodes) {
    if (node === at) at = at.nextSibling;
    else parent.insertBefore(node, at);
  }
}
