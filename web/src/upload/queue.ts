import { counted } from "../words";
import { Changes } from "./changes";
import type { Found } from "./collect";
import { Item } from "./item";
import { claim, forget, keyOf, remembered } from "./records";
import { Speed } from "./speed";

/** How many files are sent at the same time. */
const atOnce = 3;

/** How often what has gone is looked at, in milliseconds. */
const beat = 400;

/** Has the browser ask whether the page shall really be left. */
const warn = (event: BeforeUnloadEvent): void => event.preventDefault();

/** The uploads of this page. It tells of a change when uploads come, go or become something else, and with each beat while some go on. */
export class Queue extends Changes {
  /** Replaced by another list whenever an upload comes or goes. */
  items: readonly Item[] = [];
  readonly speed = new Speed();
  /** What there is to say of the files that were added last. */
  notice = "";
  private timer = 0;
  private release = () => {};
  private going = false;

  /** No file may have more bytes than most; none may be sent if it is 0. In words: "32 MB". */
  constructor(private readonly most: { bytes: number; inWords: string }) {
    super();
    addEventListener("online", () => {
      for (const item of this.items) item.hurry();
    });
  }

  /** Takes up what is remembered from before the page was loaded. */
  async recall(): Promise<void> {
    const records = await remembered();
    const found = records.filter((record) => !this.items.some((item) => item.key === record.key)).map((record) => new Item(null, record));
    this.take([...found, ...this.items]);
  }

  /** Adds files; one that is missing is found by this and goes on, and one that is there already is left alone. */
  add({ files, hidden, unreadable }: Found): void {
    const known = new Map(this.items.map((item) => [item.key, item]));
    const fresh: Item[] = [];
    let left = 0;
    for (const file of files) {
      const before = known.get(keyOf(file));
      if (before?.state === "missing") before.wait(file);
      else if (before && before.state !== "refused") left++;
      else {
        if (before) this.drop([before]);
        const item = new Item(file);
        known.set(item.key, item);
        fresh.push(item);
        if (file.size === 0) item.refuse("It is empty.");
        else if (file.size > this.most.bytes) item.refuse(`It is too large: at most ${this.most.inWords} are taken.`);
      }
    }
    const parts: string[] = [];
    if (left > 0) parts.push(`${counted(left, "file")} in the list already`);
    if (hidden > 0) parts.push(`${counted(hidden, "hidden file")}`);
    if (unreadable > 0) parts.push(`${counted(unreadable, "file")} that cannot be read`);
    this.notice = parts.length > 0 ? `Left out: ${parts.join(", ")}.` : "";
    this.take([...this.items, ...fresh]);
  }

  private take(items: Item[]): void {
    for (const item of items) if (!this.items.includes(item)) item.listen(() => this.go());
    this.items = items;
    this.go();
  }

  private drop(items: readonly Item[]): void {
    const gone = new Set(items);
    this.items = this.items.filter((item) => !gone.has(item));
  }

  /** Whether something goes on, or will. */
  get isOpen(): boolean {
    return this.items.some((item) => item.isOpen);
  }

  /** Begins as many uploads as there is room for, and tells of it. */
  private go(): void {
    if (this.going) return; // what is begun here tells of it
    this.going = true;
    let free = atOnce - this.items.filter((item) => item.isActive).length;
    for (const item of this.items) {
      if (free <= 0) break;
      if (item.state !== "waiting") continue;
      item.start();
      free--;
    }
    this.going = false;
    if (this.isOpen && !this.timer) {
      this.timer = window.setInterval(() => this.look(), beat);
      addEventListener("beforeunload", warn);
      this.release = claim();
    } else if (!this.isOpen && this.timer) {
      clearInterval(this.timer);
      this.timer = 0;
      removeEventListener("beforeunload", warn);
      this.release();
      this.speed.forget();
    }
    this.tell();
  }

  /** Looks how far the uploads are. */
  private look(): void {
    let bytes = 0;
    for (const item of this.items) {
      bytes += item.takeMoved();
      item.watch();
      if (item.isActive) item.tell();
    }
    this.speed.note(bytes, performance.now());
  }

  pauseAll(): void {
    // Those that wait first: else they would begin when others stop.
    for (const item of this.items) if (item.state === "waiting") item.pause();
    for (const item of this.items) item.pause();
  }

  resumeAll(): void {
    for (const item of this.items) if (item.state === "paused") item.wait();
  }

  retryAll(): void {
    for (const item of this.items) if (item.state === "refused" && item.again) item.wait();
  }

  /** Takes uploads off the list; those that are not done are given up. */
  remove(items: readonly Item[]): void {
    this.drop(items);
    for (const item of items) {
      if (item.image) forget(item.key);
      else void item.cancel();
    }
    this.go();
  }
}
