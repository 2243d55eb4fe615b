// Speaks to screen readers through one polite live region, seldom enough to be listened to.

import { setText } from "./dom.js";

const PAUSE = 5000; // milliseconds between two sentences

export class Announcer {
  #region;
  #next = "";
  #resting = false;

  constructor(region) {
    this.#region = region;
  }

  /** Speak a sentence now or after the pause; of several that wait the newest is spoken. */
  say(text) {
    this.#next = text;
    if (!this.#resting) this.#speak();
  }

  #speak() {
    this.#resting = this.#next !== this.#region.textContent;
    if (!this.#resting) return;
    setText(this.#region, this.#next);
    setTimeout(() => this.#speak(), PAUSE);
  }
}
