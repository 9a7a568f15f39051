// The print as it is put into pages, in the words of each kind of page. What is copied has canonical and absolute addresses.

import { useEffect, useId, useState } from "preact/hooks";
import { CopyButton } from "../copy";
import { describe, type Problem, request } from "../request";
import { type Chain, writeChain } from "./chain";
import type { Description } from "./description";
import type { Subject } from "./prints";

/** What is known of the print that is shown. */
export interface Shot {
  /** Its canonical path. */
  path: string;
  width: number;
  height: number;
  /** Why there is none. */
  problem?: Problem;
}

const html = (text: string) => text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const markdown = (text: string) => text.replace(/[\\[\]*_`<>]/g, "\\$&");
const shell = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

interface Wanted {
  shot: Shot;
  address: string;
  alt: string;
  name: string;
}

const kinds: { title: string; write: (w: Wanted) => string }[] = [
  {
    title: "<img>",
    write: ({ shot, address, alt }) => {
      const size = shot.width ? ` width="${shot.width}" height="${shot.height}"` : "";
      return `<img src="${html(address)}"${size} alt="${html(alt)}" loading="lazy" decoding="async">`;
    },
  },
  { title: "URL", write: ({ address }) => address },
  { title: "Markdown", write: ({ address, alt }) => `![${markdown(alt)}](${address.replaceAll("(", "%28").replaceAll(")", "%29")})` },
  { title: "curl", write: ({ address, name }) => `curl -o ${shell(name)} ${shell(address)}` },
  {
    title: "Next.js",
    write: ({ shot, alt }) => {
      const [, path = shot.path, extension] = shot.path.match(/^(.*?)(?:\.([a-z][a-z0-9]*))?$/) ?? [];
      const format = extension ? `, format: ${JSON.stringify(extension)}` : "";
      return `import Image from "next/image"
import { createLoader } from "calotype-clients/next"

const loader = createLoader({ base: ${JSON.stringify(location.origin)}${format} })

<Image loader={loader} src=${JSON.stringify(path)} width={${shot.width || 0}} height={${shot.height || 0}} alt=${JSON.stringify(alt)} />`;
    },
  },
];

const pictureTitle = "<picture>";

/** The tag that /srcset writes: AVIF, WebP and a format for all, in several widths. */
async function fetchPicture(address: string, signal?: AbortSignal): Promise<string> {
  const answer = await request(address, { headers: { Accept: "text/html" }, signal });
  return answer.ok ? (await answer.text()).trim() : `<!-- ${await describe(answer)} -->`;
}

/** The tag at an address, once it is there; until then the one before. */
function usePicture(address: string | undefined): { of?: string; text: string } {
  const [picture, setPicture] = useState<{ of?: string; text: string }>({ text: "" });
  useEffect(() => {
    if (!address) return;
    const abort = new AbortController();
    const timer = setTimeout(() => {
      fetchPicture(address, abort.signal).then(
        (text) => setPicture({ of: address, text }),
        () => abort.signal.aborted || setPicture({ text: "<!-- The server cannot be reached now. -->" }),
      );
    }, 200);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [address]);
  return picture;
}

export function Code({ d, subject, chain, shot }: { d: Description; subject: Subject; chain: Chain; shot: Shot }) {
  const [kind, setKind] = useState(pictureTitle);
  const [alt, setAlt] = useState("");
  const [wide, setWide] = useState("");
  const id = useId();
  const stem = (subject.original.name ?? subject.original.id).replace(/\.[^.]*$/, "");
  const extension = shot.path.match(/\.([a-z][a-z0-9]*)$/)?.[1] ?? subject.original.format;
  const width = Number(wide) || shot.width;
  const query = new URLSearchParams({ alt, placeholder: "0", base: location.origin });
  if (width) query.set("sizes", `(min-width: ${width}px) ${width}px, 100vw`);
  const tag = `/srcset/${subject.original.id}${writeChain(d, { ...chain, extension: "auto" })}?${query}`;
  const picture = usePicture(kind === pictureTitle && !shot.problem ? tag : undefined);
  const made = kinds.find((k) => k.title === kind);
  const text = made ? made.write({ shot, address: location.origin + shot.path, alt, name: `${stem}.${extension}` }) : picture.text;
  const late = !made && picture.of !== tag;
  const titles = [pictureTitle, ...kinds.map((k) => k.title)];
  return (
    <section class="code sheet" aria-labelledby={`${id}-title`}>
      <div class="code-head">
        <h2 id={`${id}-title`}>For your page</h2>
        <fieldset class="tabs" aria-label="Kind of code">
          {titles.map((title) => (
            <button type="button" key={title} class="tab" aria-pressed={title === kind} onClick={() => setKind(title)}>
              {title}
            </button>
          ))}
        </fieldset>
      </div>
      <div class="code-fields">
        <label>
          <span>What it shows, for those who do not see it</span>
          <input
            type="text"
            value={alt}
            onInput={(e) => setAlt(e.currentTarget.value)}
            autocomplete="off"
            placeholder="A tree on a hill"
            maxLength={300}
          />
        </label>
        {kind === pictureTitle && (
          <label>
            <span>Widest on the page, px</span>
            <input
              type="number"
              min={1}
              value={wide}
              placeholder={String(shot.width || "")}
              onInput={(e) => setWide(e.currentTarget.value)}
            />
          </label>
        )}
      </div>
      {shot.problem && <p class="quiet">There is no such print. Once there is, its code stands here.</p>}
      <div class="code-text" hidden={shot.problem !== undefined}>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: who has no mouse scrolls it by keys */}
        <pre class={`copy${late ? " stale" : ""}`} tabIndex={0}>
          <code data-kind={kind}>{text}</code>
        </pre>
        <CopyButton key={kind} text={late ? () => fetchPicture(tag) : text} label={`Copy ${kind}`} />
      </div>
      {kind === pictureTitle && (
        <p class="quiet">Every browser takes the width and the format that suit it: AVIF, WebP, or one that all know.</p>
      )}
    </section>
  );
}
