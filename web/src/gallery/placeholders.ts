// Thumbnails are loaded when their list comes near to the window. Until one is there, its tile shows what the image looks like from afar.

import { decode } from "./blurhash";

const side = 32; // of what is drawn, in pixels
const least = 160; // images of less are there as soon as anything could be drawn

const near = new IntersectionObserver(
  (seen) => {
    for (const { isIntersecting, target } of seen) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      for (const tile of target.children) show(tile as HTMLElement);
    }
  },
  { rootMargin: "1000px" },
);

/** Keeps the thumbnail of a tile that is not in the page yet from being loaded. */
export function hold(tile: HTMLElement): void {
  const image = tile.querySelector("img");
  if (!image) return;
  image.dataset.src = image.getAttribute("src") ?? "";
  image.dataset.srcset = image.getAttribute("srcset") ?? "";
  image.removeAttribute("src");
  image.removeAttribute("srcset");
}

/** Has a list of tiles show its thumbnails once it comes near. */
export const placehold = (list: HTMLElement): void => near.observe(list);

function show(tile: HTMLElement): void {
  const image = tile.querySelector("img");
  if (!image) return;
  const { src, srcset } = image.dataset;
  if (src) {
    delete image.dataset.src;
    delete image.dataset.srcset;
    if (srcset) image.srcset = srcset;
    image.src = src;
  }
  if (tile.dataset.blurhash && !image.complete) draw(tile.dataset.blurhash, image);
}

function draw(hash: string, image: HTMLImageElement): void {
  const width = Number(image.getAttribute("width"));
  const height = Number(image.getAttribute("height"));
  if (Math.max(width, height) < least) return;
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round((side * width) / Math.max(width, height)));
  canvas.height = Math.max(1, Math.round((side * height) / Math.max(width, height)));
  const pixels = decode(hash, canvas.width, canvas.height);
  const context = canvas.getContext("2d");
  if (!pixels || !context) return;
  context.putImageData(new ImageData(pixels, canvas.width), 0, 0);
  canvas.setAttribute("aria-hidden", "true");
  image.before(canvas);
  const done = () => canvas.remove();
  image.addEventListener("load", done, { once: true });
  image.addEventListener("error", done, { once: true });
}
