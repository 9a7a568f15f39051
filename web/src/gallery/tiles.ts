// The tiles of the gallery. The server writes them; what only works with scripts is added here. They stand in lists of whole rows, of which
// the browser renders those that are near the window: whatever is done for each tile would be done for thousands.

import { placehold } from "./placeholders";

const rows = 8; // of a list

export const found = document.querySelector("#found") as HTMLElement;

/** The lists of tiles; none if there is no image. */
const lists = (): HTMLElement[] => [...found.querySelectorAll<HTMLElement>("ul.grid")];

/** Whether images are shown, or were until they were deleted. */
export const isShown = (): boolean => lists().length > 0;

/** All tiles, the newest first. */
export const tiles = (): HTMLElement[] => [...found.querySelectorAll<HTMLElement>("ul.grid > li")];

/** The first tile that is not above the window. Only the lists that are not are looked into: the browser would lay out the others for that. */
export function firstInWindow(): HTMLElement | undefined {
  const below = (element: Element) => element.getBoundingClientRect().bottom > 0;
  for (const list of lists()) {
    const tile = below(list) && [...list.children].find(below);
    if (tile) return tile as HTMLElement;
  }
  return undefined;
}

/** What is known of an image by its tile. */
export function imageOf(tile: HTMLElement) {
  const link = tile.querySelector("a[download]") as HTMLAnchorElement;
  const picture = tile.querySelector("img") as HTMLImageElement;
  return {
    id: tile.dataset.id ?? "",
    link,
    name: picture.alt,
    address: link.href,
    width: Number(picture.getAttribute("width")),
    height: Number(picture.getAttribute("height")),
  };
}

/** An img element that shows an image as it was uploaded. */
export function imgTag(tile: HTMLElement): string {
  const { address, width, height, name } = imageOf(tile);
  const element = document.createElement("img");
  element.setAttribute("src", address);
  element.setAttribute("width", String(width));
  element.setAttribute("height", String(height));
  element.setAttribute("alt", name);
  return element.outerHTML;
}

// A list without tiles and without height tells how many columns there are.
const probe = document.createElement("div");
probe.className = "grid probe";
probe.setAttribute("aria-hidden", "true");
found.before(probe);
const countColumns = (): number => getComputedStyle(probe).gridTemplateColumns.split(" ").length;
let columns = countColumns();
new ResizeObserver(() => {
  const now = countColumns();
  if (now === columns) return;
  columns = now;
  arrange(tiles());
}).observe(probe);

/** Puts tiles into lists of whole rows, in this order. Lists that have what they should are not touched. */
export function arrange(all: HTMLElement[]): void {
  const size = columns * rows;
  const have = lists();
  let last = have[0];
  if (!last) return;
  for (let i = 0; i * size < all.length || i === 0; i++) {
    const part = all.slice(i * size, (i + 1) * size);
    let list = have[i];
    if (!list) {
      list = document.createElement("ul");
      list.className = "grid";
      last.after(list);
    }
    last = list;
    if (list.children.length !== part.length || part.some((tile, n) => list.children[n] !== tile)) {
      list.replaceChildren(...part);
    }
    placehold(list);
  }
  for (const list of have.slice(Math.max(1, Math.ceil(all.length / size)))) list.remove();
}

/** Adds to tiles what only works with scripts. */
export function enhance(these: Iterable<HTMLElement>): void {
  for (const tile of these) {
    const { name } = imageOf(tile);
    const choice = document.createElement("label");
    choice.className = "tick";
    const box = document.createElement("input");
    box.type = "checkbox";
    box.setAttribute("aria-label", `Select ${name}`);
    choice.append(box);
    tile.prepend(choice);
    const copy = document.createElement("button");
    copy.type = "button";
    copy.className = "plain small copier";
    copy.textContent = "Copy…";
    copy.setAttribute("aria-expanded", "false");
    copy.setAttribute("aria-label", `Copy address, tag or id of ${name}`);
    tile.querySelector(".tools")?.append(copy);
  }
}
