// The files that people choose, drop and paste.

/** Files, and how many were left out since they are hidden or cannot be read. */
export interface Found {
  files: File[];
  hidden: number;
  unreadable: number;
}

/** Tells whether a file in a folder is one that only programs put there. */
const isHidden = (name: string): boolean => name.startsWith(".") || name === "Thumbs.db" || name === "desktop.ini";

/** The files of a field, in which files or a folder were chosen. */
export function chosen(field: HTMLInputElement): Found {
  const all = [...(field.files ?? [])];
  const files = all.filter((file) => !file.webkitRelativePath?.split("/").some(isHidden));
  return { files, hidden: all.length - files.length, unreadable: 0 };
}

/** The files of what was dropped, with those in folders. The browser shows them only to the handler of the event: it has to call this at once. */
export async function dropped(transfer: DataTransfer): Promise<Found> {
  const found: Found = { files: [], hidden: 0, unreadable: 0 };
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const entries = items.map((item) => item.webkitGetAsEntry() ?? item.getAsFile());
  for (const entry of entries) {
    if (entry instanceof File) found.files.push(entry);
    else if (entry) await read(entry, found);
  }
  return found;
}

async function read(entry: FileSystemEntry, found: Found): Promise<void> {
  try {
    if (entry.isFile) {
      found.files.push(await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject)));
      return;
    }
    const reader = (entry as FileSystemDirectoryEntry).createReader();
    for (;;) {
      const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
      if (some.length === 0) return;
      for (const inner of some) {
        if (isHidden(inner.name)) found.hidden++;
        else await read(inner, found);
      }
    }
  } catch {
    found.unreadable++;
  }
}

/** The files of what was pasted. A picture that was copied has no name of its own, and is given the time as one. */
export function pasted(transfer: DataTransfer): Found {
  const files = [...transfer.files].map((file) => {
    const extension = file.name.match(/^image(\.\w+)$/)?.[1];
    if (!extension) return file;
    const now = new Date(file.lastModified);
    const two = (n: number) => String(n).padStart(2, "0");
    const day = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
    const time = `${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
    return new File([file], `pasted-${day}-${time}${extension}`, { type: file.type, lastModified: file.lastModified });
  });
  return { files, hidden: 0, unreadable: 0 };
}
