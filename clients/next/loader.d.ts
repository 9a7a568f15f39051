import type { PrintOptions } from "../address.js"

export interface LoaderOptions extends Omit<PrintOptions, "width" | "height"> {
  /** Width by height, as in 16 / 9: all prints get this shape, as `fit` says. Without it they keep their own. */
  ratio?: number
}

/** The type of next/image's `loader`. */
export type Loader = (props: { src: string; width: number; quality?: number }) => string

/**
 * A loader for next/image, for its `loader` property or as the default export of `images.loaderFile`. Loaders also run in the browser: a
 * `sign` with a key in it must not get there.
 */
export function createLoader(options?: LoaderOptions): Loader
