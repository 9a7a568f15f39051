// Copying from a tile: one small menu, which stands in the tile whose button has opened it.

import { copy } from "../copy";
import { found, imageOf, imgTag } from "./tiles";

const menu = document.createElement("span");
menu.className = "copy-menu";
menu.id = "copies";
let opener: HTMLElement | null = null;

const choices: Record<string, (tile: HTMLElement) => string> = {
  Address: (tile) => imageOf(tile).address,
  "<img> tag": imgTag,
  Id: (tile) => imageOf(tile).id,
};

for (const [label, text] of Object.entries(choices)) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "plain small";
  button.textContent = label;
  button.addEventListener("click", async () => {
    const tile = button.closest<HTMLElement>("[data-id]");
    const back = opener;
    if (!tile || !back) return;
    const done = await copy(text(tile));
    close();
    back.focus();
    back.textContent = done ? "Copied" : "Not allowed";
    window.setTimeout(() => {
      back.textContent = "Copy…";
    }, 2000);
  });
  menu.append(button);
}

function close(): void {
  opener?.setAttribute("aria-expanded", "false");
  opener?.removeAttribute("aria-controls");
  opener = null;
  menu.remove();
}

/** Opens the menu at a button, or closes it if it is open there. */
export function toggleCopies(button: HTMLElement): void {
  const again = opener === button;
  close();
  if (again) return;
  opener = button;
  button.after(menu);
  button.setAttribute("aria-expanded", "true");
  button.setAttribute("aria-controls", menu.id);
  menu.querySelector("button")?.focus();
}

found.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !opener) return;
  const back = opener;
  close();
  back.focus();
  event.stopPropagation();
});
document.addEventListener("click", (event) => {
  if (opener && !(event.target as Element).closest(".copy-menu, .copier")) close();
});
