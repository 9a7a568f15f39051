// The print, the original beside it, and what is known of both.

import { useState } from "preact/hooks";
import { wordsOf } from "../request";
import { format, number, size } from "../words";
import type { Shown, Subject } from "./prints";

/** A print as large as there is room, or pixel by pixel. */
export function PrintView({ shown, alt, whole }: { shown: Shown; alt: string; whole: boolean }) {
  const { print, busy } = shown;
  if (!print) return <div class="blank" aria-hidden="true" />;
  if (print.unseen) {
    return (
      <p class="blank">
        This browser cannot show {format(print.type.replace("image/", ""))}.{" "}
        <a href={print.canonical} download>
          Save the print
        </a>
      </p>
    );
  }
  return (
    <div class={`view${whole ? "" : " full"}`}>
      <img
        class={busy ? "stale" : ""}
        src={print.source}
        width={print.width}
        height={print.height}
        alt={alt}
        data-address={print.address}
      />
    </div>
  );
}

/** Two pictures on top of each other, and a slider that says how much of which is seen. */
export function Compare({ before, shown, alt }: { before: string; shown: Shown; alt: string }) {
  const [place, setPlace] = useState(50);
  const { print } = shown;
  return (
    <div class="compare">
      <div class="compare-pair">
        {print && !print.unseen && <img src={print.source} alt={`${alt}, printed`} />}
        <img class="compare-before" src={before} alt={`${alt}, the original`} style={{ clipPath: `inset(0 ${100 - place}% 0 0)` }} />
        <span class="compare-line" aria-hidden="true" style={{ left: `${place}%` }} />
      </div>
      <label class="compare-slide">
        <span>Original</span>
        <input
          type="range"
          min={0}
          max={100}
          value={place}
          onInput={(e) => setPlace(e.currentTarget.valueAsNumber)}
          aria-label="How much of the original is seen, in percent"
        />
        <span>Print</span>
      </label>
    </div>
  );
}

/** "1.2 MB smaller" in percent. */
function saved(bytes: number, of: number): string {
  const share = Math.round((1 - bytes / of) * 100);
  if (share === 0) return "as many bytes";
  return share > 0 ? `${share} % less` : `${number(-share)} % more`;
}

const milliseconds = (n: number) => (n < 10 ? `${n.toFixed(1)} ms` : `${number(n)} ms`);

/** What is known of the original and of the print. */
export function Facts(props: { subject: Subject; loaded: number | undefined; shown: Shown; nothing: boolean; thumbnail: boolean }) {
  const { subject, loaded, shown, nothing, thumbnail } = props;
  const { original } = subject;
  const { print, problem, busy, retry } = shown;
  return (
    <div class="facts" data-of={shown.of} aria-busy={busy}>
      {thumbnail && print && !print.unseen && <img class={`facts-print${busy ? " stale" : ""}`} src={print.source} alt="" />}
      <div class="facts-list">
        <div>
          <span class="facts-name">Original</span>
          <span>
            {format(original.format)} · <span class="one">{`${number(original.width)} × ${number(original.height)}`}</span> ·{" "}
            <span class="one">{size(original.bytes)}</span>
            {loaded !== undefined && (
              <>
                {" "}
                · <span class="one">{milliseconds(loaded)}</span>
              </>
            )}
          </span>
        </div>
        <div role="status" aria-live="polite">
          <span class="facts-name">Print</span>
          {nothing && <span>Nothing is done yet.</span>}
          {!nothing && print && !problem && (
            <span class={busy ? "stale" : ""}>
              {format(print.type.replace("image/", ""))} ·{" "}
              {print.width > 0 && (
                <>
                  <span class="one">{`${number(print.width)} × ${number(print.height)}`}</span> ·{" "}
                </>
              )}
              <span class="one">
                <strong>{size(print.bytes)}</strong>, {saved(print.bytes, original.bytes)}
              </span>{" "}
              ·{" "}
              <span class="one">
                {milliseconds(print.milliseconds)}
                {print.rendered !== undefined && `, of which ${milliseconds(print.rendered)} to make it`}
              </span>
            </span>
          )}
          {!nothing && problem && <span>There is none.</span>}
          {!nothing && !print && busy && <span>It is being made…</span>}
        </div>
      </div>
      {problem && !nothing && (
        <p class="fault" role="alert">
          {wordsOf(problem)}{" "}
          {(problem.status === 0 || problem.status === 401 || problem.status === 429 || problem.status >= 500) && (
            <button type="button" class="plain small" onClick={retry}>
              Try again
            </button>
          )}
        </p>
      )}
    </div>
  );
}
