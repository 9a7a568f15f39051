// Addresses of prints. It runs in browsers and on servers, and needs nothing. address.d.ts says what each part means.

/** How a picture takes its box: Calotype's words, and those of CSS, sharp and ipx for the same. */
const modes = {
  fit: "fit", cover: "cover", stretch: "stretch", pad: "pad", outside: "outside",
  inside: "fit", contain: "pad", fill: "stretch",
}

/** The formats that have a quality. Of an original's format it is not known whether it has one. */
const graded = ["auto", "jpg", "jpeg", "webp", "avif", "jxl"]

const id = /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}(?=[/.]|$)/i
const route = /^\/(?:download|proxy)\//
const percentCoded = /^\/proxy\/_\/([^/]*%[^/]*)/
const scheme = /^[a-z][a-z0-9+.-]*:\/\//i

export function address(src, options = {}) {
  const { base = "", chain, width, height, fit = "cover", quality, format = "auto", site, sign = (path) => path } = options
  const host = base.replace(/\/+$/, "")
  const extension = format && word("format", format)
  const segments = [imagePath(String(src), host, site), chain, resize(width, height, fit)]
  if (quality && graded.includes(extension)) segments.push("quality:" + word("quality", quality))
  const path = segments.filter(Boolean).join("/")
  return host + sign(extension ? `${path}.${extension}` : path)
}

export function source(url) {
  let text = String(url)
  if (/^https?:/i.test(text)) {
    const parsed = new URL(text)
    parsed.hash = ""
    text = parsed.href
  }
  const bytes = new TextEncoder().encode(text)
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")
}

/** A path without its extension, and that. What a percent-encoded source ends with is no extension. */
export function cutExtension(path) {
  const last = path.slice(path.lastIndexOf("/") + 1)
  const found = last.includes("%") ? null : /\.([a-z][a-z0-9]*)$/i.exec(last)
  return found ? [path.slice(0, -found[0].length), found[1]] : [path, undefined]
}

/** The path that the prints of an image begin with. An address of this Calotype keeps its chain and loses its extension. */
function imagePath(src, host, site) {
  const own = host && src.startsWith(host + "/") ? src.slice(host.length) : src
  if (route.test(own)) return cutExtension(own.replace(percentCoded, (_, url) => "/proxy/_/" + source(decodeURIComponent(url))))[0]
  const bare = own.replace(/^\//, "")
  if (id.test(bare)) return "/download/" + cutExtension(bare)[0]
  if (scheme.test(own)) return "/proxy/_/" + source(own)
  if (site && own.startsWith("/")) return "/proxy/_/" + source(new URL(own, site))
  throw new TypeError(`"${src}" is neither the id of an image, nor an address with a scheme, nor a path below /download/ or /proxy/`)
}

function resize(width, height, fit) {
  if (width == null && height == null) return ""
  if (!Object.hasOwn(modes, fit)) {
    throw new TypeError(`fit is "${fit}", and must be one of ${Object.keys(modes).join(", ")}`)
  }
  if (height == null) return `resize:${pixels("width", width)}`
  if (width == null) return `resize:0,${pixels("height", height)}`
  const box = `resize:${pixels("width", width)},${pixels("height", height)}`
  return modes[fit] === "fit" ? box : `${box},${modes[fit]}`
}

function pixels(what, value) {
  const number = Math.round(Number(value))
  if (!(number > 0)) throw new TypeError(`${what} is "${value}", and must be a number of pixels above 0`)
  return number
}

function word(what, value) {
  const text = String(value).toLowerCase()
  if (!/^[a-z0-9]+$/.test(text)) throw new TypeError(`${what} is "${value}", and must be a word or a number`)
  return text
}
