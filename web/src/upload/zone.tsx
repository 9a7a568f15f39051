import { useRef } from "preact/hooks";

/** Where files are chosen: in place of the form's field, and as high. */
export function Zone({ add }: { add: (field: HTMLInputElement) => void }) {
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const take = (event: Event) => {
    const field = event.currentTarget as HTMLInputElement;
    add(field);
    field.value = ""; // so that the same file can be chosen again
  };
  const hasFolders = "webkitdirectory" in HTMLInputElement.prototype && !matchMedia("(pointer: coarse)").matches;
  return (
    <>
      <label for="image">Images from this device</label>
      <div class="zone">
        <button type="button" onClick={() => files.current?.click()}>
          Choose images
        </button>
        {hasFolders && (
          <button type="button" class="plain" onClick={() => folder.current?.click()}>
            Choose a folder
          </button>
        )}
        <p class="quiet">{hasFolders ? "or drop or paste them anywhere on this page" : "or paste them"}</p>
      </div>
      <input ref={files} type="file" id="image" multiple accept="image/*" aria-describedby="limits" hidden onChange={take} />
      {hasFolders && <input ref={folder} type="file" id="folder" {...{ webkitdirectory: true }} hidden onChange={take} />}
    </>
  );
}
