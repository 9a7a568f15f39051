/** Makes of the path of a print the path that is asked for: it has a signature where `_` or nothing stood. */
export type Sign = (path: string) => string

/** How the picture takes its box: Calotype's words, and those of CSS, sharp and ipx for the same. */
export type Fit =
  | "fit" | "inside" // within the box
  | "cover" // fills it, the rest is cut off
  | "pad" | "contain" // within it, the rest is filled
  | "stretch" | "fill" // exactly the box, out of shape
  | "outside" // covers it, nothing is cut off

export interface PrintOptions {
  /** Where Calotype, or the CDN in front of it, is: `https://img.example.org`. Without it addresses begin with a slash. */
  base?: string
  /** Operations that come before the resize, as in `crop:ar=16x9/grayscale`. */
  chain?: string
  /** Pixels of the print. Without either width or height it is as large as the chain makes it. */
  width?: number | string
  height?: number | string
  /** Matters where both width and height are given. Default: cover, as is usual in frameworks. */
  fit?: Fit
  /** 1 to 100, or auto. Default: that of the format. Left out where a format has none, such as png, and where it is not known. */
  quality?: number | string
  /** An extension, as in `webp`. Default: auto, by what the browser accepts. Empty: the format of the original. */
  format?: string
  /** Where other paths lead, `/photos/tree.jpg`: `https://www.example.org`. Such images are remote. Without it they are refused. */
  site?: string
  sign?: Sign
}

/**
 * The address of a print.
 *
 * @param src The id of an upload; or the address of a remote image (http, https, s3, gs, azblob, local); or a path or address of
 *   this Calotype (`/download/…`, `/proxy/…`, with or without a signature), which keeps its chain.
 * @throws TypeError for what cannot be an address of a print.
 */
export function address(src: string | URL, options?: PrintOptions): string

/** A remote address as it stands in a path: base64url without padding, of UTF-8, without the fragment. */
export function source(url: string | URL): string

/** The path or address of a print without its extension, and that. */
export function cutExtension(path: string): [path: string, extension: string | undefined]
