// Sending one's position: asked first, every time, in a dialog that says what it is for.

import { label } from "./shared/labels.js";

const OPTIONS = { enableHighAccuracy: true, timeout: 15_000, maximumAge: 60_000 };

function asked(dialog) {
  return new Promise((resolve) => {
    dialog.returnValue = "";
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
    dialog.showModal();
  });
}

function located() {
  return new Promise((resolve, reject) => navigator.geolocation.getCurrentPosition(resolve, reject, OPTIONS));
}

/** Return {lat, lng} after a yes, null after a no; throws an Error with words for the owner. */
export async function position(dialog) {
  if (!(await asked(dialog))) return null;
  if (!navigator.geolocation) throw new Error(label("position.unavailable"));
  try {
    const { coords } = await located();
    // Five digits are a metre: enough to be found, and no more is kept than that.
    return { lat: Number(coords.latitude.toFixed(5)), lng: Number(coords.longitude.toFixed(5)) };
  } catch (error) {
    throw new Error(label(error.code === 1 ? "position.denied" : "position.unavailable"), { cause: error });
  }
}
