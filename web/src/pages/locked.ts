// Where a page needs a token, this one comes in its place: it asks for the token, fetches the page with it, and shows it at the same address.

import { authorization, token } from "../request";
import { duration } from "../words";

const form = document.querySelector("#locked") as HTMLFormElement;
const field = form.querySelector("input") as HTMLInputElement;
const button = form.querySelector("button") as HTMLButtonElement;
const why = form.querySelector("#locked-why") as HTMLElement;

/** Shows what is at this address for who has the token, and returns why it cannot. */
async function open(): Promise<string> {
  const answer = await fetch(location.href, { headers: { ...authorization(), Accept: "text/html" }, cache: "no-store" });
  if (answer.status === 401) {
    token.forget();
    return "The server does not know this token.";
  }
  if (answer.status === 429) {
    token.forget();
    return `There were too many wrong tokens. The next can be tried in ${duration(Number(answer.headers.get("Retry-After")) || 60)}.`;
  }
  if (!answer.headers.get("Content-Type")?.startsWith("text/html")) {
    const text = document.createElement("pre");
    text.textContent = await answer.text();
    (document.querySelector("main") as HTMLElement).replaceChildren(text);
    return "";
  }
  const page = await answer.text();
  // The address stays, and with it what going back and loading anew lead to.
  document.open();
  document.write(page);
  document.close();
  return "";
}

async function tryOpen(): Promise<void> {
  button.disabled = true;
  const problem = await open().catch(() => "The server cannot be reached now.");
  button.disabled = false;
  if (!problem) return;
  form.hidden = false;
  why.textContent = problem;
  field.select();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  token.keep(field.value.trim());
  void tryOpen();
});

if (token.get()) {
  void tryOpen();
} else {
  form.hidden = false;
  field.focus();
}
