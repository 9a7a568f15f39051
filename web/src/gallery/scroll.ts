// Endless scrolling: the next page is fetched before its place comes into the window. A button does the same.

import { counted } from "../words";
import { append, fetchPage, nextAddress } from "./pages";
import { found, isShown, tiles } from "./tiles";

const most = 500; // images on a page

const foot = document.createElement("div");
foot.className = "more";
const button = document.createElement("button");
button.type = "button";
button.className = "plain";
const said = document.createElement("p");
said.className = "quiet";
said.setAttribute("role", "status");
foot.append(said, button);

let loading: Promise<boolean> | null = null;
let failed = false;

const near = new IntersectionObserver(
  ([seen]) => {
    if (seen?.isIntersecting && !failed) void more();
  },
  { rootMargin: "1500px" },
);

button.addEventListener("click", () => void more());

/** Shows where the pages end, or how they go on. */
export function showFoot(): void {
  const next = nextAddress();
  found.after(foot);
  found.querySelector("a[rel=next]")?.setAttribute("hidden", "");
  const shown = tiles().length;
  button.hidden = !next;
  button.textContent = shown > 0 ? "Load more images" : "Search older images";
  if (!failed) said.textContent = next || !isShown() ? "" : shown > 0 ? `${counted(shown, "image")}, and no more.` : "None is left here.";
  // Observed anew, since it may be in the window still.
  near.unobserve(foot);
  if (next && !failed) near.observe(foot);
}

/** Loads the next page, and tells whether it came. */
function more(address = nextAddress()): Promise<boolean> {
  if (!address) return Promise.resolve(false);
  loading ??= load(address).finally(() => {
    loading = null;
    showFoot();
  });
  return loading;
}

async function load(address: string): Promise<boolean> {
  failed = false;
  button.textContent = "Loading…";
  said.textContent = "";
  try {
    const page = await fetchPage(address);
    if (address !== nextAddress()) return false; // something else is shown meanwhile
    append(page);
    return true;
  } catch (error) {
    failed = true;
    said.textContent = `No more images could be loaded. ${error instanceof Error ? error.message : ""}`;
    return false;
  }
}

/** Forgets a failure: what is shown is new. */
export function showAnew(): void {
  failed = false;
  showFoot();
}

/** Where somebody was who leaves the page: an image near the top of the window, and how far from there. */
interface Place {
  id: string;
  top: number;
}

let resting = 0;
addEventListener(
  "scroll",
  () => {
    window.clearTimeout(resting);
    resting = window.setTimeout(note, 150);
  },
  { passive: true },
);

/** Notes where somebody is, in the browser's history: when he leaves it is too late for that. */
function note(): void {
  const first = tiles().find((tile) => tile.getBoundingClientRect().bottom > 0);
  const place: Place | null = first && scrollY > 0 ? { id: first.dataset.id ?? "", top: first.getBoundingClientRect().top } : null;
  history.replaceState(place, "");
}

/** Returns to where somebody was who comes back, with all pages down to there. */
export async function comeBack(): Promise<void> {
  const place = history.state as Place | null;
  if (!place?.id) return;
  const find = () => found.querySelector<HTMLElement>(`[data-id="${CSS.escape(place.id)}"]`);
  if (!find()) history.scrollRestoration = "manual"; // the browser would stop at the end of the first page
  while (!find()) {
    const next = nextAddress();
    if (!next) return;
    const address = new URL(next);
    address.searchParams.set("limit", String(most));
    const link = found.querySelector<HTMLAnchorElement>("a[rel=next]") as HTMLAnchorElement;
    link.href = address.href;
    if (!(await more(address.href))) return;
  }
  const tile = find() as HTMLElement;
  scrollTo({ top: scrollY + tile.getBoundingClientRect().top - place.top, behavior: "instant" });
}
