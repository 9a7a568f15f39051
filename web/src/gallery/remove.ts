// Deleting, with some seconds in which it can be taken back: until then nothing is sent.

import { authorization, describe, request } from "../request";
import { counted } from "../words";
import { type Notice, notify } from "./notice";
import { arrange, imageOf, tiles as shown } from "./tiles";

const regret = 8000; // milliseconds in which a deletion can be taken back
const parallel = 4;

/** A tile that was taken from the page, the one that it stood before, and the first list there was. */
interface Taken {
  tile: HTMLElement;
  next: HTMLElement | undefined;
  list: Element | null | undefined;
}

/** The deletion that can still be taken back. */
let pending: { taken: Taken[]; notice: Notice } | undefined;

/** Takes tiles from the page, and deletes their images when nobody has taken that back in time. */
export function remove(tiles: HTMLElement[], changed: () => void): void {
  const all = shown();
  const place = new Map(all.map((tile, i) => [tile, i]));
  const list = all[0]?.parentElement;
  const taken = tiles.map((tile) => ({ tile, next: all[(place.get(tile) ?? -1) + 1], list }));
  for (const { tile } of taken) tile.remove();
  arrange(shown());
  changed();
  const undo = () => {
    pending = undefined;
    putBack(taken);
    changed();
    taken[0]?.tile.querySelector<HTMLElement>("a[download]")?.focus();
  };
  const notice = notify(`${counted(taken.length, "image")} deleted.`, { Undo: undo }, regret, () => {
    pending = undefined;
    void send(taken, changed);
  });
  pending = { taken, notice };
}

/** Puts tiles back to where they were, the last first: each finds the one that it stood before. */
function putBack(taken: Taken[]): void {
  const all = shown();
  for (const { tile, next, list } of [...taken].reverse()) {
    if (!list?.isConnected) continue; // something else is shown meanwhile
    const at = next ? all.indexOf(next) : -1;
    all.splice(at < 0 ? all.length : at, 0, tile);
  }
  arrange(all);
}

const addressOf = (tile: HTMLElement): string => `/images/${imageOf(tile).id}`;

async function send(taken: Taken[], changed: () => void): Promise<void> {
  const waiting = [...taken];
  const kept: Taken[] = [];
  let why = "";
  const work = async () => {
    for (let one = waiting.shift(); one; one = waiting.shift()) {
      try {
        const answer = await request(addressOf(one.tile), { method: "DELETE" });
        if (answer.ok || answer.status === 404 || answer.status === 410) continue;
        why = await describe(answer);
      } catch {
        why = "The server cannot be reached now.";
      }
      kept.push(one);
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
  const first = kept[0];
  if (!first) return;
  putBack(taken.filter((one) => kept.includes(one)));
  changed();
  const what = kept.length === 1 ? `${imageOf(first.tile).name} was` : `${counted(kept.length, "image")} were`;
  notify(
    `${what} not deleted. ${why}`,
    {
      "Try again": () =>
        remove(
          kept.map((one) => one.tile),
          changed,
        ),
    },
    60_000,
  );
}

// Who leaves the page does not take anything back any more.
addEventListener("pagehide", () => {
  if (!pending) return;
  const { taken, notice } = pending;
  pending = undefined;
  notice.close();
  for (const { tile } of taken) {
    void fetch(addressOf(tile), { method: "DELETE", headers: authorization(), keepalive: true });
  }
});
