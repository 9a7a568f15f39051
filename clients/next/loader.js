// A loader for next/image: https://nextjs.org/docs/app/api-reference/components/image#loader
import { address } from "../address.js"

export function createLoader({ ratio, ...options } = {}) {
  return ({ src, width, quality }) =>
    address(src, {
      ...options,
      width,
      height: ratio && width / ratio,
      quality: quality ?? options.quality,
    })
}
