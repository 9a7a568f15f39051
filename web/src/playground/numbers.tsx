// Fields for numbers, lengths, points and ratios.

import type { ComponentChildren } from "preact";
import { type Labelled, type Labels, round } from "./field";

/** A number, and a slider for what is usual. */
function Slide(props: {
  value: number | undefined;
  set: (n: number) => void;
  from: number;
  to: number;
  step: number;
  name: string;
  labels: Labels;
  clear?: () => void;
  unit?: ComponentChildren;
}) {
  const { value, set, from, to, step, name, labels, clear, unit } = props;
  return (
    <div class="slide">
      <input
        type="range"
        min={from}
        max={to}
        step={step}
        value={value ?? from}
        aria-label={`${name}, slider`}
        aria-invalid={labels["aria-invalid"]}
        onInput={(e) => set(e.currentTarget.valueAsNumber)}
      />
      <input
        type="number"
        step="any"
        value={value === undefined || Number.isNaN(value) ? "" : String(value)}
        onInput={(e) => (e.currentTarget.value === "" ? clear?.() : set(e.currentTarget.valueAsNumber))}
        {...labels}
      />
      {unit}
    </div>
  );
}

export function NumberInput({ parameter: p, value, set, labels }: Labelled) {
  const text = value ?? p.preset;
  const word = text !== undefined && p.words.includes(text);
  const from = p.usual?.[0] ?? p.minimum ?? 0;
  const to = p.usual?.[1] ?? p.maximum ?? p.wrap ?? 100;
  const step = p.step ?? (p.kind === "integer" ? 1 : to - from > 50 ? 0.5 : 0.05);
  const unit = p.words.length > 0 && (
    <select
      aria-label={`${p.name}: a number or a word`}
      value={word ? text : ""}
      onChange={(e) => set(e.currentTarget.value || String(Math.round((from + to) / 2)))}
    >
      <option value="">number</option>
      {p.words.map((w) => (
        <option key={w}>{w}</option>
      ))}
    </select>
  );
  if (word) return <div class="slide">{unit}</div>;
  return (
    <Slide
      value={text === undefined ? undefined : Number(text)}
      set={(n) => set(String(round(n, 3)))}
      clear={() => set(p.required ? "" : undefined)}
      from={from}
      to={to}
      step={step}
      name={p.name}
      labels={labels}
      unit={unit || (p.unit && <span class="quiet unit">{p.unit === "degrees" ? "°" : "px"}</span>)}
    />
  );
}

export function LengthInput({ parameter: p, value, set, labels, picture }: Labelled) {
  const text = value ?? p.preset ?? "";
  const percent = text.endsWith("p");
  const side = picture[p.axis ?? "width"];
  const number = text === "" ? undefined : Number(percent ? text.slice(0, -1) : text);
  const write = (n: number, inPercent: boolean) => set(inPercent ? `${round(n, 3)}p` : String(Math.round(n)));
  const [from, to] = p.usual ?? [0, 100];
  const scale = percent ? 1 : side / 100;
  return (
    <Slide
      value={number}
      set={(n) => write(n, percent)}
      clear={() => set(p.required ? "" : undefined)}
      from={percent ? from : Math.max(Math.round(from * scale), p.minimum ?? 0)}
      to={percent ? to : Math.max(1, Math.round(to * scale))}
      step={percent ? 0.5 : 1}
      name={p.name}
      labels={labels}
      unit={
        <select
          aria-label={`Unit of ${p.name}`}
          value={percent ? "p" : ""}
          onChange={(e) => {
            const to = e.currentTarget.value === "p";
            const n = number ?? 0;
            write(to ? round((n / side) * 100, 2) : (n * side) / 100, to);
          }}
        >
          <option value="">px</option>
          <option value="p">%</option>
        </select>
      }
    />
  );
}

function Pair(props: Labelled & { names: [string, string]; step: number; most: number; children?: ComponentChildren }) {
  const { parameter: p, value, set, labels, names, step, most, children } = props;
  const [x = "", y = ""] = (value ?? p.preset ?? "").split("x");
  const write = (a: string, b: string) => set(a === "" && b === "" && !p.required ? undefined : `${a}x${b}`);
  const number = { type: "number" as const, min: 0, max: most, step };
  return (
    <div class="pair-of-numbers">
      <input
        {...number}
        value={x}
        onInput={(e) => write(e.currentTarget.value, y || "1")}
        {...labels}
        aria-label={`${p.name}: ${names[0]}`}
      />
      <span aria-hidden="true">×</span>
      <input
        {...number}
        value={y}
        aria-label={`${p.name}: ${names[1]}`}
        aria-invalid={labels["aria-invalid"]}
        onInput={(e) => write(x || "1", e.currentTarget.value)}
      />
      {children}
    </div>
  );
}

export function PointInput(props: Labelled) {
  return (
    <Pair {...props} names={["from the left, 0 to 1", "from the top, 0 to 1"]} step={0.01} most={1}>
      {props.pick && (
        <button type="button" class="plain small" onClick={props.pick}>
          Pick on the picture
        </button>
      )}
    </Pair>
  );
}

const shapes = ["1x1", "4x3", "3x2", "16x9", "3x4", "9x16"];

export function RatioInput(props: Labelled) {
  const { parameter: p, value, set } = props;
  return (
    <Pair {...props} names={["width", "height"]} step={1} most={65535}>
      <select
        aria-label={`${p.name}: usual shapes`}
        value={value && shapes.includes(value) ? value : ""}
        onChange={(e) => e.currentTarget.value && set(e.currentTarget.value)}
      >
        <option value="">shapes</option>
        {shapes.map((shape) => (
          <option key={shape} value={shape}>
            {shape.replace("x", ":")}
          </option>
        ))}
      </select>
    </Pair>
  );
}
