// Searching as one types. The address bar always has the address of what is shown.

import { fetchPage, replaceWith } from "./pages";
import { showAnew } from "./scroll";
import { clear } from "./select";
import { found, tiles } from "./tiles";

const pause = 250; // milliseconds after the last key
const form = document.querySelector("form.search") as HTMLFormElement;
const said = document.createElement("p");
said.className = "quiet";
said.setAttribute("role", "status");
form.after(said);

let timer = 0;
let under: AbortController | null = null;

/** The address of what the form asks for. */
function asked(): string {
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value !== "") query.set(name, String(value));
  const text = query.toString();
  return text ? `${form.action}?${text}` : form.action;
}

async function search(): Promise<void> {
  const address = asked();
  under?.abort();
  under = new AbortController();
  const { signal } = under;
  found.setAttribute("aria-busy", "true");
  try {
    const page = await fetchPage(address, signal);
    if (signal.aborted) return;
    clear();
    replaceWith(page);
    document.querySelector("nav.filter")?.replaceWith(page.querySelector("nav.filter") as Element);
    history.replaceState(null, "", address);
    scrollTo({ top: 0, behavior: "instant" });
    showAnew();
    said.textContent = tiles().length > 0 ? "" : (found.querySelector(".empty p")?.textContent ?? "");
    said.classList.add("hidden"); // those who see have seen it
  } catch (error) {
    if (signal.aborted) return;
    said.classList.remove("hidden");
    said.textContent = `Nothing could be searched. ${error instanceof Error ? error.message : ""}`;
  } finally {
    if (!signal.aborted) found.removeAttribute("aria-busy");
  }
}

function searchSoon(after: number): void {
  window.clearTimeout(timer);
  timer = window.setTimeout(() => void search(), after);
}

form.addEventListener("input", (event) => searchSoon((event.target as HTMLInputElement).type === "search" ? pause : 0));
form.addEventListener("submit", (event) => {
  event.preventDefault();
  searchSoon(0);
});
