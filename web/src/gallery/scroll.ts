// Endless scrolling: the next page is fetched before its place comes into the window. A button does the same.

import { counted } from "../words";
import { append, fetchPage, nextAddress } from "./pages";
import { firstInWindow, found, isShown, tiles } from "./tiles";

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

let returning = false; // on the way back the place is not that of the reader

/** Notes where somebody is, in the browser's history: when he leaves it is too late for that. */
function note(): void {
  if (returning) return;
  const first = firstInWindow();
  const place: Place | null = first && scrollY > 0 ? { id: first.dataset.id ?? "", top: first.getBoundingClientRect().top } : null;
  history.replaceState(place, "");
}

/** Returns to where somebody was who comes back, with all pages down to there. */
export async function comeBack(): Promise<void> {
  const place = history.state as Place | null;
  if (!place?.id) return;
  history.scrollRestoration = "manual"; // the browser would stop at the end of the first page
  returning = true;
  try {
    const tile = await loadDownTo(place.id);
    if (tile) await bring(tile, place.top);
  } finally {
    returning = false;
  }
}

/** Loads pages until an image is among them. It is null if it is not there any more. */
async function loadDownTo(id: string): Promise<HTMLElement | null> {
  for (;;) {
    const tile = found.querySelector<HTMLElement>(`[data-id="${CSS.escape(id)}"]`);
    const link = found.querySelector<HTMLAnchorElement>("a[rel=next]");
    if (tile || !link) return tile;
    const address = new URL(link.href);
    address.searchParams.set("limit", String(most));
    link.href = address.href;
    if (!(await more(address.href))) return null;
  }
}

/** Scrolls until a tile is so far from the top of the window. Tiles on the way get their true height only when they are near. */
async function bring(tile: HTMLElement, top: number): Promise<void> {
  for (let still = 0, frame = 0; still < 3 && frame < 60; frame++) {
    const off = tile.getBoundingClientRect().top - top;
    still = Math.abs(off) < 1 ? still + 1 : 0;
    scrollBy({ top: off, behavior: "instant" });
    await new Promise(requestAnimationFrame);
  }
}
