// A provider for @nuxt/image, in the form that its defineProvider returns: https://image.nuxt.com/advanced/custom-provider
import { address } from "../address.js"

export function createProvider(options = {}) {
  const provider = {
    getImage(src, { modifiers = {}, baseURL: base = options.base, site = options.site }) {
      const { width, height, fit, quality, format, chain } = modifiers
      const asked = Object.entries({ width, height, fit, quality, format, chain }).filter(([, value]) => value !== undefined)
      return { url: address(src, { ...options, base, site, ...Object.fromEntries(asked) }) }
    },
  }
  return () => provider
}

export default createProvider()
