// The chain that is edited: what was before can be had again, and the address bar follows.

import { useEffect, useMemo, useState } from "preact/hooks";
import { type Call, type Chain, newKey, nothing, readChain, writeChain } from "./chain";
import type { Description } from "./description";
import type { Subject } from "./prints";

interface Edits {
  past: Chain[];
  chain: Chain;
  future: Chain[];
  /** What was changed last, and when: changes of one thing in a row are undone together. */
  what?: string;
  at: number;
}

export interface Editor {
  chain: Chain;
  /** Puts a chain in the place of the present one. Changes of the same thing that follow each other at once are one step of undoing. */
  change: (chain: Chain, what?: string) => void;
  undo?: () => void;
  redo?: () => void;
}

const pause = 1000; // milliseconds after which a change is one of its own
const most = 200; // steps that can be undone

const pageOf = (subject: Subject) => `/playground/${subject.original.id}`;

/** The chain in the address bar, or with what is switched off the one that the history has for it. */
function chainOfPage(d: Description, subject: Subject): Chain {
  const path = location.pathname.slice(pageOf(subject).length);
  const kept = history.state?.chain as Chain | undefined;
  if (kept && writeChain(d, kept) === path) {
    const anew = (calls: Call[]) => calls.map((call) => ({ ...call, key: newKey() }));
    return { ...kept, calls: anew(kept.calls), settings: anew(kept.settings) };
  }
  return path ? readChain(d, path) : nothing;
}

export function useEditor(d: Description, subject: Subject): Editor {
  const [edits, setEdits] = useState<Edits>(() => ({ past: [], chain: chainOfPage(d, subject), future: [], at: 0 }));
  const { past, chain, future } = edits;

  useEffect(() => {
    const path = pageOf(subject) + writeChain(d, chain);
    try {
      history.replaceState({ chain }, "", path + location.search + location.hash);
    } catch {
      // browsers bound how often the address may change: the next change sets it right
    }
  }, [d, subject, chain]);

  useEffect(() => {
    // Whoever writes another chain behind a hash, or comes back to one, gets it.
    const follow = () => setEdits({ past: [], chain: chainOfPage(d, subject), future: [], at: 0 });
    addEventListener("popstate", follow);
    return () => removeEventListener("popstate", follow);
  }, [d, subject]);

  return useMemo(() => {
    const change = (next: Chain, what?: string) =>
      setEdits((e) => {
        const at = Date.now();
        const together = what !== undefined && what === e.what && at - e.at < pause;
        return { past: together ? e.past : [...e.past, e.chain].slice(-most), chain: next, future: [], what, at };
      });
    const back = past.at(-1);
    const forth = future[0];
    return {
      chain,
      change,
      undo: back && (() => setEdits({ past: past.slice(0, -1), chain: back, future: [chain, ...future], at: 0 })),
      redo: forth && (() => setEdits({ past: [...past, chain], chain: forth, future: future.slice(1), at: 0 })),
    };
  }, [past, chain, future]);
}
