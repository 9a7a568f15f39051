// Selecting many, and what can be done with them.

import { copy } from "../copy";
import { counted } from "../words";
import { notify } from "./notice";
import { remove } from "./remove";
import { found, imageOf, imgTag, tiles } from "./tiles";

const chosen = new Set<HTMLElement>();
let last: HTMLElement | null = null; // that was ticked or cleared by hand

const bar = document.createElement("div");
bar.className = "chosen sheet";
bar.setAttribute("role", "region");
bar.setAttribute("aria-label", "Selected images");
bar.hidden = true;
const count = document.createElement("p");
count.setAttribute("role", "status");
bar.append(count);

const button = (label: string, act: () => void, kind = "plain small"): HTMLButtonElement => {
  const b = document.createElement("button");
  b.type = "button";
  b.className = kind;
  b.textContent = label;
  b.addEventListener("click", act);
  return b;
};

/** Those selected that are shown, in their order. */
const selected = (): HTMLElement[] => tiles().filter((tile) => chosen.has(tile));

const lines = (what: string, of: (tile: HTMLElement) => string) => async () => {
  const these = selected();
  const done = await copy(these.map(of).join("\n"));
  notify(done ? `${counted(these.length, what)} copied.` : "The browser does not allow this page to copy.", {}, 4000);
};

bar.append(
  button("Select all shown", () => choose(tiles(), true)),
  button("Clear", clear),
  button("Download", () => void download(selected())),
  button(
    "Copy addresses",
    lines("address", (tile) => imageOf(tile).address),
  ),
  button("Copy <img> tags", lines("tag", imgTag)),
  button(
    "Copy ids",
    lines("id", (tile) => imageOf(tile).id),
  ),
  button("Delete", () => {
    const these = selected();
    clear();
    remove(these, update);
  }),
);
document.body.append(bar);

/** Saves originals one after the other: browsers pass over what comes all at once. */
async function download(these: HTMLElement[]): Promise<void> {
  for (const tile of these) {
    imageOf(tile).link.click();
    await new Promise((resolve) => window.setTimeout(resolve, 250));
  }
}

function choose(these: HTMLElement[], on: boolean): void {
  for (const tile of these) {
    if (on) chosen.add(tile);
    else chosen.delete(tile);
    tile.classList.toggle("is-chosen", on);
    const box = tile.querySelector<HTMLInputElement>(".tick input");
    if (box) box.checked = on;
  }
  update();
}

/** Ends the selection. */
export function clear(): void {
  choose([...chosen], false);
  last = null;
}

let changed: () => void = () => {};

/** Calls when the tiles have become more or fewer. */
export function onChange(call: () => void): void {
  changed = call;
}

function update(): void {
  bar.hidden = chosen.size === 0;
  count.textContent = chosen.size > 0 ? `${chosen.size} selected` : "";
  document.body.classList.toggle("choosing", chosen.size > 0);
  changed();
}

found.addEventListener("click", (event) => {
  const box = event.target as HTMLInputElement;
  const tile = box.closest<HTMLElement>("[data-id]");
  if (!tile || !box.matches(".tick input")) return;
  let these = [tile];
  if (event.shiftKey && last?.isConnected) {
    const all = tiles();
    const [from, to] = [all.indexOf(last), all.indexOf(tile)].sort((a, b) => a - b);
    these = all.slice(from, (to ?? 0) + 1);
  }
  choose(these, box.checked);
  last = tile;
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && chosen.size > 0) clear();
});
