// What the page of supervisors calls things.

import { find, label, named } from "./shared/labels.js";

/** Return a word of the page. */
export const say = (path, values) => label(`setup.${path}`, values);

/** Return what a code is called in a group of the page. */
export const called = (group, code) => named(`setup.${group}`, code);

/** Return a list of words. */
export const listed = (path) => find(`setup.${path}`) ?? [];

/** Return what an error says to people. */
export const why = (error) => error.message || label("offline");

/** Return a new id, under which the same is never done twice. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
