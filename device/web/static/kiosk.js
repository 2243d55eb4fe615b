// The kiosk: picture and label of the nearest face, and nothing else.

import { Announcer } from "./announcer.js";
import { byId, setText } from "./dom.js";
import { colourOf } from "./faces.js";
import { Picture } from "./picture.js";
import { Stream } from "./stream.js";
import { CONNECTION, trouble } from "./words.js";

const announcer = new Announcer(byId("spoken"));
const picture = new Picture(byId("picture"));

async function show(message, jpeg) {
  await picture.draw(message, jpeg);
  const { result, state, model } = message;
  const nearest = result?.faces[0];
  // Not on the body, so that a theme can set it there.
  document.documentElement.style.setProperty("--label-colour", nearest ? colourOf(nearest.label, model) : "");
  tell(state.state, nearest?.label ?? "", trouble(state));
}

/** Show the label, or what is wrong; a theme finds both in the body's attributes, too. */
function tell(state, label, what) {
  document.body.dataset.state = state;
  document.body.dataset.label = what ? "" : label;
  setText(byId("label"), what ? "" : label);
  setText(byId("note"), what ? [what.title, what.next].filter(Boolean).join("\n") : "");
  announcer.say(what ? what.title : label);
}

new Stream(show, (how) => how === "open" || tell(CONNECTION[how].state, "", CONNECTION[how]));

function toggleFullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen?.();
}

addEventListener("dblclick", toggleFullScreen);
addEventListener("keydown", ({ key, target, ctrlKey, metaKey }) => {
  if (key === "f" && target === document.body && !ctrlKey && !metaKey) toggleFullScreen();
});
