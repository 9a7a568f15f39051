// Fields for the values of parameters, by what the parameters are. A value is text, as it stands in an address; undefined is left out.

import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import { request } from "../request";
import type { Parameter } from "./description";

export interface Field {
  parameter: Parameter;
  value: string | undefined;
  set: (value: string | undefined) => void;
  /** The picture of which lengths are taken. */
  picture: { width: number; height: number };
  /** What is wrong with the value. */
  fault?: string;
  /** Points are picked on the picture. */
  pick?: () => void;
}

interface Labels {
  id: string;
  "aria-describedby": string;
  "aria-invalid"?: "true";
}

const round = (n: number, digits: number) => Number(n.toFixed(digits));

/** One parameter with its label, what it means, and its field. */
export function ParameterField(props: Field) {
  const { parameter: p, value, set, fault } = props;
  const id = useId();
  const labels: Labels = { id, "aria-describedby": fault ? `${id}-doc ${id}-fault` : `${id}-doc` };
  if (fault) labels["aria-invalid"] = "true";
  const box = p.kind === "flag" || p.kind === "switch";
  const group = p.kind === "words" || p.places !== undefined;
  const Frame = group ? "fieldset" : "div";
  return (
    <Frame class="parameter" aria-labelledby={group ? `${id}-name` : undefined}>
      <div class="parameter-head">
        {group ? (
          <span class="parameter-name" id={`${id}-name`}>
            {p.name}
          </span>
        ) : (
          <label for={id}>
            {box && <Box {...props} labels={labels} />} {p.name}
          </label>
        )}
        {!p.required && value !== undefined && !box && (
          <button type="button" class="link" onClick={() => set(undefined)} aria-label={`Leave out ${p.name}`}>
            leave out
          </button>
        )}
        {!p.required && value === undefined && !box && (
          <span class="quiet">{p.preset === undefined ? "left out" : `by default ${p.preset}`}</span>
        )}
      </div>
      {!box && <Input {...props} labels={labels} />}
      <p class="quiet" id={`${id}-doc`}>
        {p.doc}
      </p>
      {fault && (
        <p class="fault" id={`${id}-fault`}>
          {fault}
        </p>
      )}
    </Frame>
  );
}

type Inner = Field & { labels: Labels };

function Input(props: Inner) {
  switch (props.parameter.kind) {
    case "integer":
    case "number":
      return <NumberInput {...props} />;
    case "length":
      return <LengthInput {...props} />;
    case "word":
      return props.parameter.places ? <PlaceInput {...props} /> : <WordInput {...props} />;
    case "words":
      return <WordsInput {...props} />;
    case "color":
      return <ColorInput {...props} />;
    case "point":
      return <PointInput {...props} />;
    case "ratio":
      return <RatioInput {...props} />;
    case "base64url":
      return <TextInput {...props} />;
    case "id":
      return <ImageInput {...props} />;
    default:
      return <PlainInput {...props} />;
  }
}

function Box({ parameter: p, value, set, labels }: Inner) {
  const on = value !== undefined && value !== "0";
  const off = p.required ? "0" : undefined;
  return <input type="checkbox" checked={on} onChange={(e) => set(e.currentTarget.checked ? "1" : off)} {...labels} />;
}

function PlainInput({ parameter: p, value, set, labels }: Inner) {
  return (
    <input
      type="text"
      value={value ?? ""}
      maxLength={p.maximum}
      autocomplete="off"
      autocapitalize="off"
      spellcheck={false}
      onInput={(e) => set(e.currentTarget.value || (p.required ? "" : undefined))}
      {...labels}
    />
  );
}

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

function NumberInput({ parameter: p, value, set, labels }: Inner) {
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

function LengthInput({ parameter: p, value, set, labels, picture }: Inner) {
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

function WordInput({ parameter: p, value, set, labels }: Inner) {
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

function WordsInput({ parameter: p, value, set }: Inner) {
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
function PlaceInput({ parameter: p, value, set, labels }: Inner) {
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

/** A color as CSS and addresses write it, as six digits and an opacity from 0 to 1; undefined if it is none. */
function readColor(text: string): { digits: string; alpha: number } | undefined {
  const canvas = document.createElement("canvas").getContext("2d");
  const hex = /^([\da-f]{3,4}|[\da-f]{6}|[\da-f]{8})$/i.test(text);
  if (!canvas || !CSS.supports("color", hex ? `#${text}` : text)) return undefined;
  canvas.fillStyle = hex ? `#${text}` : text;
  const shown = canvas.fillStyle as string;
  if (shown.startsWith("#")) return { digits: shown.slice(1), alpha: 1 };
  const [r = 0, g = 0, b = 0, a = 1] = (shown.match(/[\d.]+/g) ?? []).map(Number);
  return { digits: [r, g, b].map((n) => n.toString(16).padStart(2, "0")).join(""), alpha: a };
}

function ColorInput({ parameter: p, value, set, labels }: Inner) {
  const color = readColor(value ?? p.preset ?? "");
  const write = (digits: string, alpha: number) =>
    set(
      alpha >= 1
        ? digits
        : digits +
            Math.round(alpha * 255)
              .toString(16)
              .padStart(2, "0"),
    );
  const digits = color?.digits ?? "ffffff";
  const alpha = color?.alpha ?? 1;
  return (
    <div class="color">
      <input
        type="color"
        value={`#${digits}`}
        aria-label={`${p.name}: choose`}
        onInput={(e) => write(e.currentTarget.value.slice(1), alpha > 0 ? alpha : 1)}
      />
      <input
        type="text"
        value={value ?? ""}
        placeholder={p.preset ?? ""}
        autocomplete="off"
        spellcheck={false}
        onInput={(e) => set(e.currentTarget.value.trim().replace(/^#/, "") || (p.required ? "" : undefined))}
        {...labels}
      />
      {!p.opaque && (
        <label class="alpha">
          <span class="quiet">opaque</span>
          <input
            type="range"
            min={0}
            max={100}
            value={Math.round(alpha * 100)}
            aria-label={`${p.name}: how opaque, in percent`}
            onInput={(e) => write(digits, e.currentTarget.valueAsNumber / 100)}
          />
        </label>
      )}
    </div>
  );
}

function Pair(props: Inner & { names: [string, string]; step: number; most: number; children?: ComponentChildren }) {
  const { parameter: p, value, set, labels, names, step, most, children } = props;
  const [x = "", y = ""] = (value ?? p.preset ?? "").split("x");
  const write = (a: string, b: string) => set(a === "" && b === "" && !p.required ? undefined : `${a}x${b}`);
  return (
    <div class="pair-of-numbers">
      <input
        type="number"
        min={0}
        max={most}
        step={step}
        value={x}
        onInput={(e) => write(e.currentTarget.value, y || "1")}
        {...labels}
        aria-label={`${p.name}: ${names[0]}`}
      />
      <span aria-hidden="true">×</span>
      <input
        type="number"
        min={0}
        max={most}
        step={step}
        value={y}
        aria-label={`${p.name}: ${names[1]}`}
        aria-invalid={labels["aria-invalid"]}
        onInput={(e) => write(x || "1", e.currentTarget.value)}
      />
      {children}
    </div>
  );
}

function PointInput(props: Inner) {
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

function RatioInput(props: Inner) {
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

function fromBase64(text: string): string {
  try {
    const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    return new TextDecoder().decode(bytes);
  } catch {
    return text;
  }
}

function toBase64(text: string): string {
  const bytes = String.fromCharCode(...new TextEncoder().encode(text));
  return btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function TextInput({ value, set, labels }: Inner) {
  return <textarea rows={2} value={fromBase64(value ?? "")} onInput={(e) => set(toBase64(e.currentTarget.value))} {...labels} />;
}

interface Listed {
  id: string;
  name?: string;
  url: string;
}

/** The id of an image, and a list of the newest to choose from. */
function ImageInput(props: Inner) {
  const { set } = props;
  const [images, setImages] = useState<Listed[] | string>();
  const list = async () => {
    try {
      const answer = await request("/images?limit=24");
      setImages(answer.ok ? (await answer.json()).images : "They cannot be listed without a token.");
    } catch {
      setImages("The server cannot be reached now.");
    }
  };
  return (
    <div>
      <PlainInput {...props} />
      <button type="button" class="link" onClick={() => (images ? setImages(undefined) : void list())} aria-expanded={images !== undefined}>
        {images ? "Close the list" : "Choose from the newest"}
      </button>
      {typeof images === "string" && <p class="quiet">{images}</p>}
      {Array.isArray(images) && (
        <ul class="pick">
          {images.map((image) => (
            <li key={image.id}>
              <button type="button" class="plain" onClick={() => set(image.id)}>
                <bdi>{image.name || image.id}</bdi>
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
