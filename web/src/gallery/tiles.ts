// The tiles of the gallery. The server writes them; what only works with scripts is added here.

import { placehold } from "./placeholders";

export const found = document.querySelector("#found") as HTMLElement;

/** The grid, if any image is shown. */
export const grid = (): HTMLElement | null => found.querySelector(".grid");

/** All tiles, the newest first. */
export const tiles = (): HTMLElement[] => [...(grid()?.children ?? [])] as HTMLElement[];

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

/** Adds to tiles what only works with scripts. */
export function enhance(these: Iterable<HTMLElement>): void {
  for (const tile of these) {
    const { name } = imageOf(tile);
    const choice = document.createElement("label");
    choice.className = "choose";
    const box = document.createElement("input");
    box.type = "checkbox";
    box.setAttribute("aria-label", `Select ${name}`);
    choice.append(box);
    tile.prepend(choice);
    const copy = document.createElement("button");
    copy.type = "button";
    copy.className = "plain small copies";
    copy.textContent = "Copy…";
    copy.setAttribute("aria-expanded", "false");
    copy.setAttribute("aria-label", `Copy address, tag or id of ${name}`);
    tile.querySelector(".tools")?.append(copy);
    placehold(tile);
  }
}
