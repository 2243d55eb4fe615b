// The live page: picture, faces, events and how the device is doing.

import { Announcer } from "./announcer.js";
import { byId, made, setText } from "./dom.js";
import { Faces } from "./faces.js";
import { Happenings } from "./happenings.js";
import { Picture } from "./picture.js";
import { Stream } from "./stream.js";
import { CONNECTION, counted, summary, trouble } from "./words.js";

const LEFT_OUT = { blur: "The picture is blurred on purpose.", none: "The picture is left out on purpose: only the places of the faces are sent." };

const PULSE = { stalled: "no picture", reopening: "lost", failed: "lost", refused: "waiting" };

const announcer = new Announcer(byId("spoken"));
const picture = new Picture(byId("picture"));
const faces = new Faces(byId("faces"));
const happenings = new Happenings(byId("events"));
const pause = byId("pause");

async function show(message, jpeg) {
  await picture.draw(message, jpeg);
  const { result, events, state, model } = message;
  showTrouble(trouble(state));
  setText(byId("source"), message.source);
  showNumbers(message);
  showProblems(message);
  setText(byId("left-out"), LEFT_OUT[message.picture] ?? "");
  byId("left-out").hidden = message.picture === "full";
  if (result) showFaces(result.faces, model);
  if (events.length) happenings.add(events, model);
  byId("nothing").hidden = byId("events").childElementCount > 0;
  if (state.state === "running" && result) announcer.say(summary(result.faces));
}

function showFaces(list, model) {
  faces.show(list, model);
  setText(byId("count"), list.length ? String(list.length) : "");
  byId("nobody").hidden = list.length > 0;
  setText(byId("nobody"), model ? "Nobody is seen." : "Without a picture nobody is seen.");
}

function showTrouble(what) {
  const place = byId("trouble");
  place.hidden = !what;
  document.body.dataset.state = what?.state ?? "running";
  document.title = what ? `${what.title} · ferlite` : "ferlite";
  const pulse = byId("pulse");
  pulse.dataset.mood = !what ? "good" : ["opening", "paused", "ended"].includes(what.state) ? "wait" : "bad";
  setText(pulse, what ? PULSE[what.state] ?? what.state : "live");
  if (!what) return;
  showFaces([]);
  [what.title, what.reason, what.next].forEach((text, index) => setText(place.children[index], text));
  announcer.say([what.title, what.reason].filter(Boolean).join(": "));
}

function showNumbers({ state, heat, model }) {
  const rows = [["Frames a second", state.rate.toFixed(1)], ["Frames skipped", state.dropped.toLocaleString()]];
  if (state.damaged) rows.push(["Frames damaged", state.damaged.toLocaleString()]);
  if (state.reopened) rows.push(["Camera reopened", counted(state.reopened, "time")]);
  if (heat.celsius !== null) rows.push(["Temperature", `${Math.round(heat.celsius)} °C`]);
  rows.push(["Model", model.name]);
  const list = byId("numbers");
  if (list.children.length !== rows.length) {
    list.replaceChildren(...rows.map(() => made("div", "", made("dt"), made("dd"))));
  }
  rows.forEach(([name, value], index) => {
    setText(list.children[index].firstChild, name);
    setText(list.children[index].lastChild, value);
  });
}

function showProblems({ state, heat }) {
  const texts = heat.throttled.length ? [`The device slows down: ${heat.throttled.join(", ")}`] : [];
  if (state.limit) texts.push(`At most ${state.limit.rate} frames a second: ${state.limit.reason}`);
  for (const { name, problem, dropped } of state.outputs) {
    if (problem) texts.push(`${name}: ${problem}${dropped ? ` (${dropped.toLocaleString()} lost so far)` : ""}`);
  }
  const list = byId("problems");
  list.hidden = !texts.length;
  if (list.children.length !== texts.length) list.replaceChildren(...texts.map(() => made("li")));
  texts.forEach((text, index) => setText(list.children[index], text));
}

const stream = new Stream(show, (how) => {
  pause.disabled = false;
  if (how !== "open") showTrouble(CONNECTION[how]);
});

pause.addEventListener("click", () => {
  stream.paused = !stream.paused;
  setText(pause, stream.paused ? "Continue" : "Pause");
});
