// The upload page: takes the place of the form, so that many and large files are sent one by one, and go on after whatever happens.

import { render } from "preact";
import { chosen, dropped, pasted } from "../upload/collect";
import { List } from "../upload/list";
import { Queue } from "../upload/queue";
import { Zone } from "../upload/zone";

const form = document.querySelector("#upload-form") as HTMLFormElement;
const prints = document.querySelector("#prints") as HTMLElement;
const place = document.querySelector("#uploads") as HTMLElement;

const queue = new Queue({ bytes: Number(form.dataset.mostBytes) || Number.POSITIVE_INFINITY, inWords: form.dataset.most ?? "" });

form.replaceChildren();
render(<Zone add={(field) => queue.add(chosen(field))} />, form);
render(<List queue={queue} />, place);

queue.listen(() => {
  const used = queue.items.length > 0;
  document.body.classList.toggle("uploading", used);
  place.hidden = !used;
  prints.hidden = used;
});
void queue.recall();

// The whole page takes what is dropped.
let inside = 0;
const withFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;
const mark = (depth: number): void => {
  inside = Math.max(0, depth);
  document.body.classList.toggle("dropping", inside > 0);
};
addEventListener("dragenter", (event) => withFiles(event) && mark(inside + 1));
addEventListener("dragleave", (event) => withFiles(event) && mark(inside - 1));
addEventListener("dragover", (event) => withFiles(event) && event.preventDefault());
addEventListener("drop", async (event) => {
  if (!event.dataTransfer || !withFiles(event)) return;
  event.preventDefault();
  mark(0);
  queue.add(await dropped(event.dataTransfer));
});
addEventListener("paste", (event) => {
  if (!event.clipboardData?.files.length) return;
  event.preventDefault();
  queue.add(pasted(event.clipboardData));
});
