// Fields for what is chosen among words, and for what is or is not.

import type { Labelled } from "./field";

export function Box({ parameter: p, value, set, labels }: Labelled) {
  const on = value !== undefined && value !== "0";
  const off = p.required ? "0" : undefined;
  return <input type="checkbox" checked={on} onChange={(e) => set(e.currentTarget.checked ? "1" : off)} {...labels} />;
}

export function WordInput({ parameter: p, value, set, labels }: Labelled) {
  return (
    <select value={value ?? ""} onChange={(e) => set(e.currentTarget.value || undefined)} {...labels}>
      {!p.required && <option value="">{p.preset === undefined ? "left out" : `${p.preset} (default)`}</option>}
      {p.words
        .filter((w) => p.required || w !== p.preset)
        .map((w) => (
          <option key={w}>{w}</option>
        ))}
    </select>
  );
}

export function WordsInput({ parameter: p, value, set }: Labelled) {
  const chosen = value ? value.split(",") : [];
  return (
    <div class="choices">
      {p.words.map((word) => (
        <label key={word}>
          <input
            type="checkbox"
            checked={chosen.includes(word)}
            onChange={(e) => {
              const next = p.words.filter((w) => (w === word ? e.currentTarget.checked : chosen.includes(w)));
              set(next.join(",") || (p.required ? "" : undefined));
            }}
          />{" "}
          {word}
        </label>
      ))}
    </div>
  );
}

/** Nine places, and the words beside them. */
export function PlaceInput({ parameter: p, value, set, labels }: Labelled) {
  const places = Object.entries(p.places ?? {}).sort(([, a], [, b]) => a[1] - b[1] || a[0] - b[0]);
  const chosen = value ?? p.preset;
  const choose = (word: string) => set(word === p.preset ? undefined : word);
  const radio = { type: "radio" as const, name: labels.id };
  return (
    <div class="places">
      <div class="compass">
        {places.map(([word]) => (
          <label key={word} title={word}>
            <input {...radio} checked={word === chosen} aria-label={word} onChange={() => choose(word)} />
          </label>
        ))}
      </div>
      <div class="choices">
        {p.words
          .filter((word) => !p.places?.[word])
          .map((word) => (
            <label key={word}>
              <input {...radio} checked={word === chosen} onChange={() => choose(word)} /> {word}
            </label>
          ))}
      </div>
    </div>
  );
}
