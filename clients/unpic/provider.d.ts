import type { PrintOptions } from "../address.js"

/** What unpic calls operations: of one print. */
export type CalotypeOperations = Pick<PrintOptions, "width" | "height" | "fit" | "quality" | "format" | "chain">

/** What is the same for all prints. */
export type CalotypeOptions = Pick<PrintOptions, "base" | "site" | "sign" | "format" | "fit" | "quality">

/** The address of a print of what has none yet. */
export function generate(src: string | URL, operations?: CalotypeOperations, options?: CalotypeOptions): string

/**
 * What an address of a print says: the image with all that is done to it before the last resize, and the operations. Null if it is not
 * an address of Calotype's. A resize in percent, or with more than a size and a fit, stays with the image.
 */
export function extract(url: string | URL): { src: string; operations: CalotypeOperations } | null

/**
 * The address of a print. What already is one of this Calotype gets the operations in place of its own. It is the `transformer` that
 * unpic's components take in their `base` form.
 */
export function transform(src: string | URL, operations?: CalotypeOperations, options?: CalotypeOptions): string
