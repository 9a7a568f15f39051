// Until a thumbnail is there, its tile shows what the image looks like from afar.

import { decode } from "./blurhash";

const side = 32; // of what is drawn, in pixels
const least = 160; // images of less are there as soon as anything could be drawn

/** Draws in tiles that come near to the window. */
const near = new IntersectionObserver(
  (seen) => {
    for (const { isIntersecting, target } of seen) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      draw(target as HTMLElement);
    }
  },
  { rootMargin: "300px" },
);

/** Has a tile show a placeholder once it comes near, if it needs one then. */
export function placehold(tile: HTMLElement): void {
  if (tile.dataset.blurhash) near.observe(tile);
}

function draw(tile: HTMLElement): void {
  const image = tile.querySelector("img");
  if (!image || image.complete) return;
  const width = Number(image.getAttribute("width"));
  const height = Number(image.getAttribute("height"));
  if (Math.max(width, height) < least) return;
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round((side * width) / Math.max(width, height)));
  canvas.height = Math.max(1, Math.round((side * height) / Math.max(width, height)));
  const pixels = decode(tile.dataset.blurhash ?? "", canvas.width, canvas.height);
  const context = canvas.getContext("2d");
  if (!pixels || !context) return;
  context.putImageData(new ImageData(pixels, canvas.width), 0, 0);
  canvas.setAttribute("aria-hidden", "true");
  image.before(canvas);
  const done = () => canvas.remove();
  image.addEventListener("load", done, { once: true });
  image.addEventListener("error", done, { once: true });
}
