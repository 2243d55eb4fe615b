// What the server reports, in words.

export const percent = (share) => `${Math.round(100 * share)} %`;

export const counted = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

export function seconds(time) {
  if (time < 10) return `${time.toFixed(1)} s`;
  return time < 90 ? `${Math.round(time)} s` : `${Math.round(time / 60)} min`;
}

const TITLES = {
  opening: "Opening the camera",
  stalled: "The camera gives no picture",
  reopening: "Camera lost",
  ended: "The source has ended",
  failed: "Camera lost for good",
};

/** What is wrong with the camera: title, reason and next try; null while it runs. */
export function trouble(state) {
  if (state.state === "running") return null;
  const title = state.state === "opening" && state.reason ? "The camera does not open" : TITLES[state.state];
  return { title: title ?? state.state, reason: state.reason, next: nextTry(state), state: state.state };
}

/** What is wrong with the connection, in the same form. */
export const CONNECTION = {
  lost: { title: "Connection lost", reason: `${location.host} does not answer.`, next: "Trying again", state: "offline" },
  refused: { title: "Not let in", reason: "As many people as allowed are looking already.", next: "Trying again", state: "refused" },
  paused: { title: "Paused", reason: "No picture is sent to this page.", next: "", state: "paused" },
};

function nextTry({ state, next_try: wait, attempt }) {
  if (state !== "opening" && state !== "reopening") return "";
  const number = attempt ? ` (attempt ${attempt})` : "";
  if (wait !== null) return `Next try in ${Math.ceil(wait)} s${number}`;
  return attempt ? `Trying now${number}` : "";
}

/** The faces in one sentence, for those who hear the page. */
export function summary(faces) {
  if (!faces.length) return "Nobody is seen.";
  return `${counted(faces.length, "face")}: ${faces.map((face) => face.label).join(", ")}.`;
}

const NEWS = {
  opening: "is being opened",
  running: "gives pictures",
  stalled: "gives no picture",
  reopening: "is lost",
  ended: "has ended",
  failed: "is lost for good",
};

/** An event as a sentence. */
export function sentence(event) {
  const face = `Face ${event.id}`;
  switch (event.event) {
    case "appeared": return `${face} appeared: ${event.label}`;
    case "left": return `${face} left after ${seconds(event.lasted)}`;
    case "changed": return `${face}: ${event.previous} → ${event.label}`;
    case "held": return `${face} kept ${event.label} for ${seconds(event.lasted)}`;
    case "state": return news(event);
    default: return event.event;
  }
}

function news({ state, previous, attempt, reason }) {
  let text = `The camera ${NEWS[state] ?? state}`;
  if (state === previous) text = `${text.replace(" is ", " is still ")} (attempt ${attempt})`;
  return state !== "running" && reason ? `${text}: ${reason}` : text;
}
