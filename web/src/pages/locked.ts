// Where a page needs a token, this one comes in its place: it asks for the token, fetches the page with it, and shows it at the same address.

import { authorization, describe, token } from "../request";

const form = document.querySelector("#locked") as HTMLFormElement;
const field = form.querySelector("input") as HTMLInputElement;
const why = form.querySelector("#locked-why") as HTMLElement;

async function open(): Promise<void> {
  const answer = await fetch(location.href, { headers: { ...authorization(), Accept: "text/html" } });
  if (answer.status !== 401 && answer.headers.get("Content-Type")?.startsWith("text/html")) {
    const page = await answer.text();
    document.open();
    document.write(page);
    document.close();
    return;
  }
  if (answer.status === 401) token.forget();
  form.hidden = false;
  why.textContent = answer.status === 401 ? "The server does not know this token." : await describe(answer);
  field.select();
}

async function tryOpen(): Promise<void> {
  try {
    await open();
  } catch {
    form.hidden = false;
    why.textContent = "The server cannot be reached now.";
  }
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
