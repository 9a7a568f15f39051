// Pages of the gallery as the server writes them, fetched and put into this one.

import { describe, request } from "../request";
import { hold } from "./placeholders";
import { arrange, enhance, found, isShown, tiles } from "./tiles";

/** Fetches a page of the gallery. An error says in words what is wrong. */
export async function fetchPage(address: string, signal?: AbortSignal): Promise<Document> {
  let answer: Response;
  try {
    answer = await request(address, { headers: { Accept: "text/html" }, ...(signal && { signal }) });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Error("The server cannot be reached now.");
  }
  if (!answer.ok) throw new Error(await problem(answer));
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

/** A problem as a sentence: the server tells it as a page where pages are asked for. */
async function problem(answer: Response): Promise<string> {
  if (!answer.headers.get("Content-Type")?.startsWith("text/html")) return describe(answer);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return [...page.querySelectorAll("main h1, main h1 ~ p")]
    .map((part) => part.textContent?.trim() ?? "")
    .filter((text) => text)
    .map((text) => text.replace(/[.]?$/, "."))
    .join(" ");
}

/** The address of the page after all that are shown; null if there is none. */
export const nextAddress = (): string | null => found.querySelector<HTMLAnchorElement>("a[rel=next]")?.href ?? null;

const foundIn = (page: Document): HTMLElement => page.querySelector("#found") as HTMLElement;

/** Puts a page in place of what is shown. */
export function replaceWith(page: Document): void {
  found.replaceChildren(...foundIn(page).childNodes);
  enhance(tiles());
  arrange(tiles());
}

/** Adds the images of the next page to those that are shown. */
export function append(page: Document): void {
  const more = [...foundIn(page).querySelectorAll<HTMLElement>(".grid > li")];
  if (!isShown()) {
    replaceWith(page);
    return;
  }
  const shown = tiles();
  const known = new Set(shown.map((tile) => tile.dataset.id));
  const fresh = more.filter((tile) => !known.has(tile.dataset.id));
  fresh.forEach(hold);
  enhance(fresh);
  arrange([...shown, ...fresh]);
  const next = found.querySelector("a[rel=next]");
  const following = foundIn(page).querySelector("a[rel=next]");
  if (following) next?.replaceWith(following);
  else next?.remove();
}
