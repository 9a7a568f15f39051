import type { ImageProvider } from "@nuxt/image"
import type { Fit, PrintOptions } from "../address.js"

export interface CalotypeModifiers {
  width: number | string
  height: number | string
  fit: Fit
  quality: number | string
  format: string
  /** Operations that come before the resize, as in `crop:ar=16x9`. */
  chain: string
}

/** What stands in nuxt.config, below `options` of the provider. */
export interface CalotypeOptions {
  /** Where Calotype, or the CDN in front of it, is. */
  baseURL?: string
  site?: string
  modifiers?: Partial<CalotypeModifiers>
}

/**
 * A provider with options that nuxt.config cannot hold, such as `sign`. It is to be the default export of a file, which
 * nuxt.config names.
 */
export function createProvider(options?: Omit<PrintOptions, "width" | "height">): () => ImageProvider<CalotypeOptions>

/** The provider as nuxt.config names it: `calotype-clients/nuxt`. */
declare const provider: () => ImageProvider<CalotypeOptions>
export default provider
