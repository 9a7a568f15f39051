// A provider in the form of unpic's own: generate, extract and transform.
import { address, cutExtension } from "../address.js"

const print = new RegExp(
  "^(.*?/(?:download|proxy)/.+?)" + // the image, with what is done to it before the resize
    "(?:/resize:([0-9]+)(?:,([0-9]+)(?:,(cover|stretch|pad|outside))?)?)?" +
    "(?:/quality:([0-9]+|auto))?$",
  "i",
)

export const generate = (src, operations = {}, options = {}) => address(src, { ...options, ...given(operations) })

export function extract(url) {
  const [path, format] = cutExtension(String(url))
  const found = print.exec(path)
  if (!found) return null
  const [, src, width, height, fit, quality] = found
  return { src, operations: given({ width: pixels(width), height: pixels(height), fit, quality, format }) }
}

export function transform(src, operations = {}, options = {}) {
  const { base } = options
  const own = String(src).startsWith("/") || (base && String(src).startsWith(base))
  const before = own ? extract(src) : null
  return before ? generate(before.src, { ...before.operations, ...given(operations) }, options) : generate(src, operations, options)
}

const pixels = (text) => Number(text) || undefined

const given = (operations) => Object.fromEntries(Object.entries(operations).filter(([, value]) => value !== undefined))
