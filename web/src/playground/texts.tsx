// Fields for texts, colors and ids of images.

import { useState } from "preact/hooks";
import { request } from "../request";
import type { Labelled } from "./field";

export function PlainInput({ parameter: p, value, set, labels }: Labelled) {
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

export function ColorInput({ parameter: p, value, set, labels }: Labelled) {
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

export function TextInput({ value, set, labels }: Labelled) {
  return <textarea rows={2} value={fromBase64(value ?? "")} onInput={(e) => set(toBase64(e.currentTarget.value))} {...labels} />;
}

interface Listed {
  id: string;
  name?: string;
  url: string;
}

/** The id of an image, and a list of the newest to choose from. */
export function ImageInput(props: Labelled) {
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
