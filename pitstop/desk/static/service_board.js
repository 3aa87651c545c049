// What the workshop's page knows: the places, one place's day, and the booking that is open.

import { observe } from "./shared/times.js";

export class Board extends EventTarget {
  #api;
  #refreshing = null;
  #again = false;

  constructor(api, permissions) {
    super();
    this.#api = api;
    this.permissions = permissions;
    this.me = null;
    this.places = [];
    this.place = null;
    this.date = null;
    this.day = null;
    this.chosen = null;
    this.open = null;
  }

  /** Say whether the signed-in person's role may do something. */
  may(action) {
    return this.permissions[this.me?.role]?.includes(action) ?? false;
  }

  #tell(name) {
    this.dispatchEvent(new Event(name));
  }

  /** Read the places. */
  async begin() {
    const { places, now } = await this.#api.places();
    observe(now);
    this.places = places;
  }

  /** Look at a place's day. */
  async turn(place, date) {
    if (place === this.place && date === this.date && this.day) {
      await this.refresh();
      return;
    }
    this.place = place;
    this.date = date;
    this.day = null;
    this.#tell("day");
    await this.refresh();
  }

  /** Open a booking; null closes what is open. */
  async choose(id) {
    if (id === this.chosen && this.open) return;
    this.chosen = id;
    this.open = null;
    this.#tell("open");
    if (!id) return;
    try {
      this.#opened(await this.#api.booking(id));
    } catch (error) {
      if (this.chosen === id) this.chosen = null;
      this.#tell("open");
      throw error;
    }
  }

  #opened(detail) {
    if (detail.id !== this.chosen) return;
    this.open = detail;
    this.#tell("open");
  }

  /** Take what a booking has become, and read the day that it stands in. */
  async became(detail) {
    if (detail?.reference) this.#opened(detail);
    await this.refresh();
  }

  /** Read day and booking anew; one read at a time, and once more if asked meanwhile. */
  refresh() {
    if (this.#refreshing) {
      this.#again = true;
      return this.#refreshing;
    }
    this.#refreshing = this.#read().finally(() => { this.#refreshing = null; });
    return this.#refreshing;
  }

  async #read() {
    do {
      this.#again = false;
      const [place, date, chosen] = [this.place, this.date, this.chosen];
      if (!place) return;
      const [day, open] = await Promise.all([this.#api.day(place, date), chosen && this.open ? this.#api.booking(chosen) : null]);
      observe(day.now);
      if (place === this.place && date === this.date) {
        this.day = day;
        this.#tell("day");
      }
      if (open) this.#opened(open);
    } while (this.#again);
  }
}
