// Shows the server the token, once: it answers with a cookie that no script can read.

import { byId, made, setText } from "./dom.js";

const PATIENCE = 4000; // milliseconds for an answer

let token = "";

/** Take a token out of the address bar, and of the history, before anything else happens; true if there is one. */
export function takeToken() {
  const text = location.hash.slice(1);
  if (!text || byId(text)) return false; // or the name of a part of the page
  token = decoded(text);
  history.replaceState(history.state, "", location.pathname + location.search);
  return true;
}

takeToken();

/**
 * Find out whether the server lets this page in, and ask for a token where it needs one.
 *
 * @returns True once it does; false if it does not answer.
 */
export async function admission() {
  let status = await answer("login");
  let problem = "";
  if (status === 401 && token) {
    status = await logIn(token);
    if (refused(status)) problem = refusal(status);
  }
  if (status === 0 || status >= 500) return false;
  token = "";
  if (refused(status)) return asked(problem);
  hide();
  return true;
}

const refused = (status) => status >= 400;

const logIn = (text) => answer("login", { method: "POST", body: JSON.stringify({ token: text }) });

async function answer(path, options = {}) {
  try {
    return (await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE), ...options })).status;
  } catch {
    return 0;
  }
}

function refusal(status) {
  if (status === 0 || status >= 500) return "ferlite does not answer. Is it running?";
  return status === 429 ? "Too many wrong tokens. Wait a minute, then try again." : "This token is not the right one.";
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Show the form until its token is accepted. */
function asked(problem) {
  const form = byId("login");
  if (form.hidden) fill(form);
  setText(form.querySelector(".wrong"), problem);
  return new Promise((resolve) => {
    form.onsubmit = async (event) => {
      event.preventDefault();
      const field = form.querySelector("input");
      const status = await logIn(tokenIn(field.value.trim()));
      if (status === 0 || refused(status)) {
        setText(form.querySelector(".wrong"), refusal(status));
        field.select();
      } else {
        hide();
        resolve(true);
      }
    };
  });
}

/** Return the token that was pasted, alone or at the end of an address. */
function tokenIn(text) {
  const address = /^https?:\/\/[^#]*#(.*)$/.exec(text);
  return address ? decoded(address[1]) : text;
}

function fill(form) {
  const field = made("input");
  Object.assign(field, { id: "token", type: "password", autocomplete: "current-password", required: true });
  const label = made("label", "", "Token");
  label.htmlFor = field.id;
  const wrong = made("p", "wrong");
  wrong.setAttribute("role", "alert");
  const hint = "When ferlite started, it printed an address with the token, or where the file with the token is. Paste the address or the token.";
  form.replaceChildren(made("h2", "", "Who may look?"), made("p", "", hint), label, field, wrong, made("button", "", "Show the camera"));
  form.hidden = false;
  field.focus();
}

function hide() {
  const form = byId("login");
  form.hidden = true;
  form.replaceChildren();
}
