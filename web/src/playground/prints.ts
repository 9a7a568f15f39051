// Prints as the server makes them: fetched, measured, and told in words where there are none.

import { useEffect, useRef, useState } from "preact/hooks";
import { type Problem, problemOf, request } from "../request";

/** What the page says of its image. */
export interface Subject {
  original: { id: string; name?: string; format: string; width: number; height: number; frames: number; alpha: boolean; bytes: number };
  prints: string;
  signed: boolean;
  /** The operations and settings that are served; undefined if all are. */
  names?: string[];
}

export interface Print {
  /** The path that was fetched. */
  address: string;
  /** The path that the server calls canonical; signed if it must be. */
  canonical: string;
  /** Of the bytes, for this page. It is revoked when another print takes its place. */
  source: string;
  type: string;
  bytes: number;
  width: number;
  height: number;
  milliseconds: number;
  /** What the server says that it took to make the print; undefined if it had it. */
  rendered?: number;
  /** The browser cannot show the format. */
  unseen: boolean;
}

/** What browsers say that they accept where an address in their bar is opened, and for images. */
const accept = "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5";

const signatures = new Map<string, string>();

/** The address with a signature, which a token is asked for, where the server wants one. */
export async function signedAddress(subject: Subject, address: string, signal?: AbortSignal): Promise<string> {
  if (!subject.signed || address === subject.prints) return address;
  const known = signatures.get(address);
  if (known) return known;
  const answer = await request("/sign", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ address }),
    signal,
  });
  if (!answer.ok) throw await problemOf(answer);
  const signed = (await answer.json()).address as string;
  signatures.set(address, signed);
  return signed;
}

function sizeOf(source: string): Promise<{ width: number; height: number } | undefined> {
  const image = new Image();
  image.src = source;
  return image.decode().then(
    () => ({ width: image.naturalWidth, height: image.naturalHeight }),
    () => undefined,
  );
}

/** How many milliseconds it took until an answer and its body were there: by the browser's own clock, else since a time. */
function timeOf(answer: Response, since: number): number {
  const measured = performance.now() - since;
  const entry = performance.getEntriesByName(answer.url, "resource").at(-1);
  performance.clearResourceTimings();
  return entry && entry.duration > 0 ? entry.duration : measured;
}

/** Fetches a print. What is thrown is a Problem, or the reason of an abortion. */
export async function fetchPrint(subject: Subject, address: string, signal: AbortSignal): Promise<Print> {
  const path = await signedAddress(subject, address, signal);
  const from = performance.now();
  const answer = await fetch(path, { headers: { Accept: accept }, signal });
  if (!answer.ok) {
    const problem = await problemOf(answer);
    // A server that takes canonical spellings only says which one it is.
    const canonical = answer.headers.get("Calotype-Error") === "not-canonical" ? problem.expected : undefined;
    if (canonical && canonical !== path) return fetchPrint(subject, canonical, signal);
    throw problem;
  }
  const body = await answer.blob();
  const milliseconds = timeOf(answer, from);
  const source = URL.createObjectURL(body);
  const size = await sizeOf(source);
  const rendered = answer.headers.get("Server-Timing")?.match(/render;dur=([\d.]+)/)?.[1];
  const link = answer.headers.get("Link")?.match(/<([^>]+)>; *rel="?canonical/)?.[1];
  const canonical = subject.signed ? path : new URL(link ?? answer.url, location.href).pathname;
  return {
    address,
    canonical,
    source,
    type: body.type,
    bytes: body.size,
    width: size?.width ?? 0,
    height: size?.height ?? 0,
    milliseconds,
    rendered: rendered === undefined ? undefined : Number(rendered),
    unseen: !size,
  };
}

export interface Shown {
  print?: Print;
  problem?: Problem;
  busy: boolean;
  /** The address of which print or problem is. */
  of?: string;
  /** Asks again. */
  retry: () => void;
}

const pause = 200; // milliseconds without a change before a print is asked for

/** The print at an address, once it is there; until then the one before. Undefined asks for none. */
export function usePrint(subject: Subject, address: string | undefined): Shown {
  const [state, setState] = useState<Omit<Shown, "retry">>({ busy: address !== undefined });
  const [turn, setTurn] = useState(0);
  const first = useRef(true);
  useEffect(() => {
    if (address === undefined) return;
    const abort = new AbortController();
    setState((s) => ({ ...s, busy: true }));
    const timer = setTimeout(
      async () => {
        try {
          const print = await fetchPrint(subject, address, abort.signal);
          if (abort.signal.aborted) return URL.revokeObjectURL(print.source);
          setState((s) => {
            if (s.print) URL.revokeObjectURL(s.print.source);
            return { print, busy: false, of: address };
          });
        } catch (e) {
          if (!abort.signal.aborted) setState((s) => ({ print: s.print, problem: asProblem(e), busy: false, of: address }));
        }
      },
      first.current ? 0 : pause,
    );
    first.current = false;
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [address, turn, subject]);
  const current = state.of === address;
  return {
    ...state,
    problem: current ? state.problem : undefined,
    busy: state.busy || (address !== undefined && !current),
    retry: () => setTurn(turn + 1),
  };
}

export function asProblem(e: unknown): Problem {
  if (typeof e === "object" && e !== null && "status" in e) return e as Problem;
  return { title: "The server cannot be reached now", status: 0 };
}

/** A picture to draw on: a print that is small enough to be shown, and the size of the one that it stands for. */
export interface Ground {
  address: string;
  width: number;
  height: number;
}

const widest = 1400; // pixels of a picture to draw on

/** The picture that a chain makes, to draw on. The server plans it and makes a small one only. */
export async function fetchGround(subject: Subject, chain: string, signal: AbortSignal): Promise<Ground> {
  const query = `widths=${widest},65535&placeholder=0&as=json`;
  const answer = await request(`/srcset/${subject.original.id}${chain}.auto?${query}`, { signal });
  if (answer.ok) {
    const prints = (await answer.json()).sources.at(-1).prints as { url: string; width: number; height: number }[];
    const [small, whole] = [prints[0], prints.at(-1)];
    if (small && whole) return { address: small.url, width: whole.width, height: whole.height };
  }
  // Some sizes are known only when the print is there, and some servers have no such widths.
  const address = await signedAddress(subject, `${subject.prints}${chain}.auto`, signal);
  const size = await sizeOf(address);
  if (!size) throw await problemOf(await request(address, { signal }));
  return { address, ...size };
}

/** The picture that a chain makes, once it is there; undefined asks for none. */
export function useGround(subject: Subject, chain: string | undefined): { ground?: Ground; problem?: Problem } {
  const [state, setState] = useState<{ chain?: string; ground?: Ground; problem?: Problem }>({});
  useEffect(() => {
    if (chain === undefined) return;
    const abort = new AbortController();
    const timer = setTimeout(() => {
      fetchGround(subject, chain, abort.signal).then(
        (ground) => setState({ chain, ground }),
        (e) => abort.signal.aborted || setState({ chain, problem: asProblem(e) }),
      );
    }, 50);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [chain, subject]);
  return state;
}

/** How many milliseconds it takes to load the original, which is done when that is wanted. It is undefined until then, and where it cannot be had. */
export function useOriginalTime(subject: Subject, wanted: boolean): number | undefined {
  const [time, setTime] = useState<number>();
  useEffect(() => {
    if (!wanted || time !== undefined) return;
    const abort = new AbortController();
    loadOriginal(subject, abort.signal).then(setTime, () => {}); // what is not known is not told
    return () => abort.abort();
  }, [wanted, time, subject]);
  return time;
}

async function loadOriginal(subject: Subject, signal: AbortSignal): Promise<number | undefined> {
  const from = performance.now();
  const answer = await fetch(subject.prints, { signal });
  await answer.blob();
  return answer.ok ? timeOf(answer, from) : undefined;
}
