import { useEffect, useRef, useState } from "preact/hooks";
import { CopyButton } from "../copy";
import { counted, duration, number, size } from "../words";
import { useChanges } from "./changes";
import { address, pictureTag } from "./code";
import type { Item } from "./item";
import type { Queue } from "./queue";
import type { Image } from "./records";

/** How far all uploads are, and what can be done with all of them. */
export function Total({ queue }: { queue: Queue }) {
  useChanges(queue);
  const { items } = queue;
  const of = (...states: Item["state"][]) => items.filter((item) => states.includes(item.state));
  const done = of("done");
  const refused = of("refused");
  const missing = of("missing");
  const paused = of("paused");
  const open = items.filter((item) => item.isOpen);
  const counting = items.filter((item) => item.state !== "refused");
  const bytes = counting.reduce((sum, item) => sum + item.size, 0);
  const sent = counting.reduce((sum, item) => sum + item.sent, 0);
  const held = open.length > 0 && !items.some((item) => item.state === "sending" || item.state === "checking");
  const images = done.map((item) => item.image as Image);

  const title = open.length > 0 ? `${number(done.length)} of ${number(counting.length)} uploaded` : summary(done, refused, missing, paused);
  const said = open.length > 0 ? title : `${title}.`;
  useTitle(open.length > 0 ? `${Math.floor((100 * sent) / Math.max(bytes, 1))} % · ` : "");

  return (
    <>
      <div class="total">
        <h2>{title}</h2>
        <div class="progress">
          <progress max={Math.max(bytes, 1)} value={sent} aria-label="Progress of all uploads" />
        </div>
        <p class="quiet">
          {open.length > 0
            ? held
              ? "The server cannot be reached. It goes on by itself when it can."
              : pace(queue, bytes, sent)
            : sent > 0 && `${size(sent)} uploaded`}
          {open.length > 0 && refused.length > 0 && ` · ${counted(refused.length, "file")} refused`}
        </p>
      </div>
      {missing.length > 0 && (
        <p class="told">
          {missing.length === 1 ? "A file is" : `${number(missing.length)} files are`} not complete, and the browser cannot read{" "}
          {missing.length === 1 ? "it" : "them"} any more. Choose the same {missing.length === 1 ? "file" : "files or folder"} again: what
          has come is not sent again.
        </p>
      )}
      <div class="actions all">
        {open.length + paused.length > 0 && (
          <button type="button" class="plain small" onClick={() => (open.length > 0 ? queue.pauseAll() : queue.resumeAll())}>
            {open.length > 0 ? "Pause all" : "Resume all"}
          </button>
        )}
        {open.length + paused.length > 1 && (
          <button type="button" class="plain small" onClick={() => queue.remove([...open, ...paused])}>
            Cancel all
          </button>
        )}
        {refused.filter((item) => item.again).length > 0 && (
          <button type="button" class="plain small" onClick={() => queue.retryAll()}>
            Try refused files again
          </button>
        )}
        {done.length > 1 && (
          <fieldset class="copies">
            <legend class="hidden">Copy, of all images</legend>
            <span class="quiet" aria-hidden="true">
              Copy of all
            </span>
            <CopyButton label="URLs" name="all images" text={() => images.map(address).join("\n")} />
            <CopyButton label="<picture>" name="all images" text={() => tags(images)} />
          </fieldset>
        )}
        {done.length > 0 && <a href="/download">See the gallery</a>}
        {open.length + paused.length === 0 && (
          <button type="button" class="plain small" onClick={() => queue.remove(items)}>
            Clear the list
          </button>
        )}
      </div>
      <Announcer text={said} urgent={held || open.length === 0} />
    </>
  );
}

async function tags(images: Image[]): Promise<string> {
  const written: string[] = [];
  for (const image of images) written.push(await pictureTag(image, "auto"));
  return written.join("\n");
}

function summary(done: Item[], refused: Item[], missing: Item[], paused: Item[]): string {
  const parts: string[] = [];
  if (done.length > 0) parts.push(`${counted(done.length, "image")} uploaded`);
  if (refused.length > 0) parts.push(`${done.length > 0 ? number(refused.length) : counted(refused.length, "file")} refused`);
  if (paused.length > 0) parts.push(`${number(paused.length)} paused`);
  if (missing.length > 0) parts.push(`${number(missing.length)} not complete`);
  return parts.join(", ");
}

/** How much of all has gone, how fast, and how long it takes. */
function pace(queue: Queue, bytes: number, sent: number): string {
  const speed = queue.speed.get();
  const amount = `${size(sent)} of ${size(bytes)}`;
  return speed > 0 ? `${amount} · ${size(speed)}/s · about ${duration((bytes - sent) / speed)} left` : amount;
}

/** Puts text before the title of the page, as tabs show it. */
function useTitle(text: string): void {
  const own = useRef(document.title);
  useEffect(() => {
    document.title = text + own.current;
  }, [text]);
}

/** Milliseconds between two announcements that are not urgent. */
const rest = 15_000;

/** Has screen readers say a text when it changes: at once if it is urgent, else now and then. */
function Announcer({ text, urgent }: { text: string; urgent: boolean }) {
  const [said, say] = useState("");
  const last = useRef(0);
  useEffect(() => {
    const wait = urgent ? 500 : Math.max(500, last.current + rest - performance.now());
    const timer = setTimeout(() => {
      last.current = performance.now();
      say(text);
    }, wait);
    return () => clearTimeout(timer);
  }, [text, urgent]);
  return (
    <p class="hidden" role="status">
      {said}
    </p>
  );
}
