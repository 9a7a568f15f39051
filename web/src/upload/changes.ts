import { useLayoutEffect, useReducer } from "preact/hooks";

/** Something that changes, and tells those who listen. */
export class Changes {
  private readonly listeners = new Set<() => void>();

  /** Has a function called after each change, until the function that is returned is called. */
  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  tell(): void {
    for (const listener of this.listeners) listener();
  }
}

/** Draws the component that calls it anew after each change. */
export function useChanges(source: Changes): void {
  const [, draw] = useReducer((n: number) => n + 1, 0);
  // At once: a change between the first drawing and an effect would not be seen.
  useLayoutEffect(() => source.listen(() => draw(undefined)), [source]);
}
