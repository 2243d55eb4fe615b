// Shows the server the token, once: it answers with a cookie that no script can read.

import { byId, made, setText } from "./dom.js";

/**
 * Make sure that the server lets this page in, and ask for a token where it needs one.
 *
 * @returns True once it does; false if it does not answer.
 */
export async function admission() {
  const token = location.hash.slice(1);
  if (token) {
    // Out of the address bar and the history before anything else happens.
    history.replaceState(history.state, "", location.pathname + location.search);
    const status = await login(token);
    if (status === 0) return false;
    return status < 400 || asked(refusal(status));
  }
  const status = await answered("login");
  if (status === 401) return asked("");
  return status !== 0 && status < 500;
}

const login = (token) => answered("login", { method: "POST", body: JSON.stringify({ token }) });

async function answered(path, options = {}) {
  try {
    return (await fetch(path, { cache: "no-store", credentials: "same-origin", ...options })).status;
  } catch {
    return 0;
  }
}

function refusal(status) {
  if (status === 429) return "Too many wrong tokens. Wait a minute, then try again.";
  return status < 500 ? "This token is not the right one." : "ferlite can't check the token now.";
}

let form = null; // the promise of the form that is shown

/** Show the form until its token is accepted. */
function asked(problem) {
  form ??= new Promise((resolve) => {
    const field = made("input");
    Object.assign(field, { id: "token", type: "password", autocomplete: "current-password", required: true });
    field.spellcheck = false;
    const label = made("label", "", "Token");
    label.htmlFor = "token";
    const wrong = made("p", "wrong");
    wrong.setAttribute("role", "alert");
    const button = made("button", "", "Show the camera");
    const hint = "When ferlite started, it printed an address with the token, or the file that holds the token. Paste either here.";
    const element = byId("login");
    element.replaceChildren(made("h2", "", "Who may look?"), made("p", "", hint), label, field, wrong, button);
    element.hidden = false;
    element.onsubmit = async (event) => {
      event.preventDefault();
      button.disabled = true;
      const status = await login(field.value.trim().replace(/^.*#/, ""));
      button.disabled = false;
      if (status && status < 400) {
        element.replaceChildren();
        element.hidden = true;
        form = null;
        resolve(true);
      } else {
        setText(wrong, status ? refusal(status) : "ferlite does not answer. Is it running?");
        field.select();
      }
    };
    setText(wrong, problem);
    field.focus();
  });
  return form;
}
