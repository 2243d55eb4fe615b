// The stream of results and pictures: one WebSocket, opened again whenever it is lost.

import { admission, takeToken } from "./login.js";

const SILENCE = 4000; // milliseconds; the server sends something every second
const FIRST_DELAY = 250;
const LONGEST_DELAY = 2000;

const decoder = new TextDecoder();

export class Stream {
  #show;
  #tell;
  #socket = null;
  #attempt = 0; // number of the connection; what an older one still reports is ignored
  #failures = 0;
  #timer = 0;
  #paused = false;

  /**
   * Open the stream; it is closed while the page is hidden or paused.
   *
   * @param show Shows a message and its JPEG; the server sends more once the promise is resolved.
   * @param tell Is called when the stream is "open", "lost", "refused" or "paused".
   */
  constructor(show, tell) {
    this.#show = show;
    this.#tell = tell;
    const again = () => this.#restart();
    document.addEventListener("visibilitychange", again);
    addEventListener("online", again);
    addEventListener("hashchange", () => takeToken() && again()); // the address was pasted into an open page
    addEventListener("pagehide", () => this.#close());
    addEventListener("pageshow", ({ persisted }) => persisted && again()); // shown again from the cache
    again();
  }

  get paused() {
    return this.#paused;
  }

  set paused(paused) {
    this.#paused = paused;
    this.#restart();
  }

  #restart() {
    this.#close();
    this.#failures = 0;
    if (this.#paused) this.#tell("paused");
    else if (!document.hidden) this.#connect();
  }

  #close() {
    this.#attempt += 1;
    clearTimeout(this.#timer);
    this.#socket?.close();
    this.#socket = null;
  }

  async #connect() {
    const attempt = this.#attempt;
    const admitted = await admission();
    if (attempt !== this.#attempt) return;
    if (admitted) this.#open(attempt);
    else this.#lose("lost");
  }

  #open(attempt) {
    const address = new URL("ws", document.baseURI);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = new WebSocket(address);
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    let opened = false;
    let drawn = Promise.resolve(); // pictures are drawn in the order in which they come
    socket.onmessage = ({ data }) => {
      if (attempt !== this.#attempt) return;
      opened = true;
      this.#failures = 0;
      this.#expect();
      drawn = drawn.then(() => this.#take(data, attempt));
    };
    socket.onclose = () => {
      if (attempt === this.#attempt) this.#lose(opened ? "lost" : "refused");
    };
    this.#expect();
  }

  async #take(data, attempt) {
    if (attempt !== this.#attempt) return;
    try {
      this.#tell("open");
      await this.#show(...parsed(data));
    } catch (error) {
      console.error(error); // one damaged picture does not end the stream
    }
    if (attempt === this.#attempt) this.#socket.send("next");
  }

  /** Give the connection up when nothing comes: a network that is gone closes no socket. */
  #expect() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#lose("lost"), SILENCE);
  }

  #lose(how) {
    this.#close();
    this.#tell(how);
    const delay = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this.#failures);
    this.#failures += 1;
    this.#timer = setTimeout(() => this.#connect(), delay);
  }
}

/** Take a message apart: 4 bytes with the length of the JSON, the JSON, the JPEG. */
function parsed(data) {
  const length = new DataView(data).getUint32(0);
  const message = JSON.parse(decoder.decode(new Uint8Array(data, 4, length)));
  const jpeg = new Uint8Array(data, 4 + length);
  return [message, jpeg.length ? new Blob([jpeg], { type: "image/jpeg" }) : null];
}
