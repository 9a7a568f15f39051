// What is known of uploads after the page was loaded anew. Those that are not complete are known in all tabs, since the server keeps what came
// of them for a while; those that are, in this one.

/** What the server says of an image. */
export interface Image {
  id: string;
  url: string;
  name?: string;
  format: string;
  width: number;
  height: number;
  bytes: number;
  thumbnail: string;
  thumbnail2x: string;
}

/** An upload as it is remembered. */
export interface UploadRecord {
  /** By which the same file is known when it is chosen again. */
  key: string;
  name: string;
  size: number;
  /** When it was begun, in milliseconds since 1970. */
  begun: number;
  /** Where it is resumed; not known before the server has it. */
  url?: string;
  /** The tab in which it goes on. */
  tab?: string;
  /** What became of it. */
  image?: Image;
}

/** The key of a file. A browser tells no page where on the disk a file lies. */
export const keyOf = (file: File): string => [file.name, file.size, file.lastModified].join("/");

const prefix = "calotype-upload/";
const unfinishedFor = 24 * 60 * 60 * 1000;

/** Names this tab, also after the page was loaded anew. */
const tab = ((): string => {
  const name = Math.random().toString(36).slice(2);
  try {
    const known = sessionStorage.getItem("calotype-tab");
    if (known) return known;
    sessionStorage.setItem("calotype-tab", name);
  } catch {
    // it has another name each time, then
  }
  return name;
})();

/** Has other tabs know that the uploads of this one go on, until the function that is returned is called. */
export function claim(): () => void {
  let over = false;
  let release = () => {};
  const hold = () => (over ? undefined : new Promise<void>((done) => (release = done)));
  // Browsers have locks for pages of https:// and of this machine; elsewhere other tabs offer to go on with what goes on here. The page that
  // was here before it was loaded anew may still have its own.
  void navigator.locks?.request(prefix + tab, { mode: "shared" }, hold);
  return () => {
    over = true;
    release();
  };
}

async function claimed(): Promise<Set<string>> {
  const locks = await navigator.locks?.query();
  return new Set(locks?.held?.map((lock) => lock.name?.slice(prefix.length) ?? ""));
}

/** Remembers an upload, as far as the browser lets pages remember anything. */
export function remember(record: UploadRecord): void {
  try {
    forget(record.key);
    (record.image ? sessionStorage : localStorage).setItem(prefix + record.key, JSON.stringify({ ...record, tab }));
  } catch {
    // Without it the upload goes on all the same, as long as the page is open.
  }
}

export function forget(key: string): void {
  try {
    sessionStorage.removeItem(prefix + key);
    localStorage.removeItem(prefix + key);
  } catch {
    // there was nothing, then
  }
}

/** All uploads that are remembered, the first begun first, but for those that go on in another tab. */
export async function remembered(): Promise<UploadRecord[]> {
  const found: UploadRecord[] = [];
  try {
    const elsewhere = await claimed();
    for (const storage of [sessionStorage, localStorage]) {
      for (const name of Object.keys(storage).filter((name) => name.startsWith(prefix))) {
        const record = read(storage.getItem(name));
        if (!record || (!record.image && Date.now() - record.begun > unfinishedFor)) storage.removeItem(name);
        else if (record.image || record.tab === tab || !elsewhere.has(record.tab ?? "")) found.push(record);
      }
    }
  } catch {
    // nothing is remembered here
  }
  return found.sort((a, b) => a.begun - b.begun);
}

function read(text: string | null): UploadRecord | null {
  try {
    const record = JSON.parse(text ?? "") as UploadRecord;
    return typeof record.key === "string" && typeof record.name === "string" && record.size >= 0 ? record : null;
  } catch {
    return null;
  }
}
