// The list of events, newest first.

import { made } from "./dom.js";
import { sentence } from "./words.js";
import { colourOf } from "./faces.js";

const MOST = 50;
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });

export class Happenings {
  #list;
  #shown = new Set();

  constructor(list) {
    this.#list = list;
  }

  /** Add events, oldest first; after a reconnection the server may send some of them again. */
  add(events, model) {
    for (const event of events) {
      const key = JSON.stringify(event);
      if (this.#shown.has(key)) continue;
      this.#shown.add(key);
      this.#list.prepend(this.#item(event, model));
    }
    while (this.#list.children.length > MOST) this.#list.lastChild.remove();
    for (const key of this.#shown) {
      if (this.#shown.size <= 2 * MOST) break;
      this.#shown.delete(key);
    }
  }

  #item(event, model) {
    const time = made("time", "", CLOCK.format(1000 * event.unix));
    time.dateTime = event.wall;
    const item = made("li", event.event, time, made("span", "", sentence(event)));
    if (event.label) item.style.setProperty("--colour", colourOf(event.label, model));
    return item;
  }
}
