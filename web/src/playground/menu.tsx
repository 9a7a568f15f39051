// A menu of operations or settings, to be searched.

import { useEffect, useRef, useState } from "preact/hooks";
import { type Operation, summary } from "./description";

/** Shows the operations in their groups until one is chosen or the menu is closed. */
export function Menu({
  title,
  operations,
  choose,
  close,
}: {
  title: string;
  operations: Operation[];
  choose: (o: Operation) => void;
  close: () => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [sought, seek] = useState("");
  useEffect(() => dialog.current?.showModal(), []);
  const words = sought.toLowerCase().split(/\s+/).filter(Boolean);
  const found = operations.filter((o) => words.every((w) => `${o.name} ${o.group} ${o.doc}`.toLowerCase().includes(w)));
  // Those whose name fits come first, so that Enter takes what is meant.
  found.sort((a, b) => Number(b.name.startsWith(words[0] ?? "")) - Number(a.name.startsWith(words[0] ?? "")));
  const groups = [...new Set(found.map((o) => o.group))];
  const take = (o: Operation | undefined) => {
    if (!o) return;
    dialog.current?.close();
    choose(o);
  };
  return (
    <dialog
      class="sheet menu"
      ref={dialog}
      aria-label={title}
      onClose={close}
      onPointerDown={(e) => {
        if (e.target === dialog.current) dialog.current?.close();
      }}
    >
      <form
        onSubmit={(e) => {
          e.preventDefault();
          take(found[0]);
        }}
      >
        <label for="sought">{title}</label>
        <div class="menu-head">
          <input
            id="sought"
            type="search"
            placeholder="Search"
            autocomplete="off"
            value={sought}
            onInput={(e) => seek(e.currentTarget.value)}
            aria-describedby="sought-count"
          />
          <button type="button" class="plain small" onClick={() => dialog.current?.close()}>
            Close
          </button>
        </div>
        <p class="hidden" role="status" id="sought-count">
          {found.length === 1 ? "1 found" : `${found.length} found`}
        </p>
      </form>
      <div class="menu-list">
        {groups.map((group) => (
          <section key={group} aria-label={group}>
            <h3>{group}</h3>
            <ul>
              {found
                .filter((o) => o.group === group)
                .map((o) => (
                  <li key={o.name}>
                    <button type="button" class="menu-entry" data-name={o.name} onClick={() => take(o)}>
                      <strong>{o.name}</strong> <span>{summary(o.doc)}</span>
                    </button>
                  </li>
                ))}
            </ul>
          </section>
        ))}
        {found.length === 0 && <p class="quiet">There is nothing of that kind.</p>}
      </div>
    </dialog>
  );
}
