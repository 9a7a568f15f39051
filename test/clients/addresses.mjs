// Has the real frameworks write images with the modules of clients/, and prints the addresses that came out as JSON:
// [{what, url, width, height, type}], with the size and the media type that a print must have, where that is known.
// Standard input is {base, images: {name: src}, key}: where Calotype is, and images of 480×320 pixels, all of them JPEGs, by the names that clients give.
// The page in clients/html is filled with the images "upload" and "elsewhere". With a key these two are signed, and nothing else is done.
import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { createElement } from "react"
import { renderToStaticMarkup } from "react-dom/server"
import nextImage from "next/image.js"
import { Image as UnpicImage, Source as UnpicSource } from "@unpic/react/base"
import { createImage } from "@nuxt/image/runtime"
import { address, source } from "../../clients/address.js"
import { createLoader } from "../../clients/next/loader.js"
import * as unpic from "../../clients/unpic/provider.js"
import nuxtProvider from "../../clients/nuxt/provider.js"
import { expiry, sign } from "../../clients/signing/calotype_signing.mjs"

const { base, images, key } = JSON.parse(readFileSync(0, "utf8"))
const photo = { width: 480, height: 320 }
const types = { auto: "image/webp", webp: "image/webp", avif: "image/avif", jpg: "image/jpeg", png: "image/png", "": "image/jpeg" }
const found = []

/** Notes an address, and what was asked for: operations as address() takes them. */
function note(what, url, { width, height, fit = "cover", format = "auto" }, original = photo) {
  found.push({ what, url, ...sizeOf(original, Number(width), Number(height), fit), type: types[format] })
  return url
}

/** The size of a print, of which nothing is enlarged. */
function sizeOf(original, width, height, fit) {
  const { width: w, height: h } = original
  const scaled = (scale) => ({ width: Math.round(w * Math.min(scale, 1)), height: Math.round(h * Math.min(scale, 1)) })
  if (!width && !height) return { width: w, height: h }
  if (!height) return scaled(width / w)
  if (!width) return scaled(height / h)
  if (fit === "fit" || fit === "inside") return scaled(Math.min(width / w, height / h))
  if (fit === "pad" || fit === "contain") return { width, height }
  if (fit === "outside") return scaled(Math.max(width / w, height / h))
  const smaller = Math.min(1, w / width, h / height)
  return { width: Math.round(width * smaller), height: Math.round(height * smaller) }
}

/** Renders an element, and checks that all addresses in it were noted meanwhile. */
function render(element) {
  const before = found.length
  const markup = renderToStaticMarkup(element).replaceAll("&amp;", "&")
  const noted = new Set(found.slice(before).map(({ url }) => url))
  const written = markup.match(/https?:\/\/[^\s"]+/g) ?? []
  assert.ok(written.length > 0 && written.every((url) => noted.has(url)), markup)
}

function plain(name, src) {
  const make = (asked, original) => note(`address of ${name}`, address(src, { base, ...asked }), asked, original)
  make({})
  make({ base: base + "/", width: 100 })
  make({ height: "50" })
  make({ width: 99.6, format: "" })
  make({ chain: "crop:0,0,200,100/grayscale", width: 100 }, { width: 200, height: 100 })
  for (const format of Object.keys(types)) make({ width: 64, quality: 50, format })
  for (const fit of ["fit", "inside", "cover", "pad", "contain", "stretch", "fill", "outside"]) make({ width: 120, height: 60, fit, format: "png" })
  make({ width: 40, sign: (path) => path.replace("/resize:", "//resize:") })
}

function next(name, src) {
  const { default: Image, getImageProps } = nextImage
  const loader = (options = {}) => {
    const load = createLoader({ base, ...options })
    return (props) => {
      const height = options.ratio && Math.round(props.width / options.ratio)
      return note(`next/image of ${name}`, load(props), { ...options, width: props.width, height })
    }
  }
  const props = { src, alt: "", width: 120, height: 80 }
  render(createElement(Image, { ...props, loader: loader() }))
  render(createElement(Image, { ...props, loader: loader({ format: "jpg" }), quality: 75, sizes: "(min-width: 40rem) 50vw, 100vw" }))
  render(createElement(Image, { ...props, loader: loader({ ratio: 16 / 9 }) }))
  render(createElement(Image, { src, alt: "", fill: true, loader: loader({ ratio: 1, fit: "inside", format: "webp" }) }))
  const { src: url } = getImageProps({ ...props, loader: loader({ quality: 60 }) }).props
  assert.match(url, /\/quality:60\.auto$/)
}

function unpicked(name, src) {
  const transformer = (src, operations, options) => note(`unpic of ${name}`, unpic.transform(src, operations, options), operations)
  const props = { src, transformer, options: { base }, alt: "" }
  render(createElement(UnpicImage, { ...props, width: 120, height: 80 }))
  render(createElement(UnpicImage, { ...props, width: 120, aspectRatio: 2, operations: { quality: 50, format: "jpg" } }))
  render(createElement(UnpicImage, { ...props, layout: "fullWidth", operations: { fit: "inside" } }))
  render(createElement(UnpicSource, { ...props, width: 120, height: 80, type: "image/avif" }))
  // What is the address of a print already is not made a print of a print.
  const before = unpic.generate(src, { width: 300, height: 200, quality: 20, format: "webp" }, { base })
  const after = unpic.transform(before, { width: 90, height: 60 }, { base })
  assert.equal(after, unpic.generate(src, { width: 90, height: 60, quality: 20, format: "webp" }, { base }))
  note(`unpic of a print of ${name}`, after, { width: 90, height: 60, format: "webp" })
  assert.deepEqual(unpic.extract(before).operations, { width: 300, height: 200, fit: "cover", quality: "20", format: "webp" })
}

function nuxt(name, src) {
  const real = nuxtProvider()
  const seen = {
    getImage(src, options, context) {
      const image = real.getImage(src, options, context)
      note(`@nuxt/image of ${name}`, image.url, options.modifiers)
      return image
    },
  }
  const $img = createImage({
    provider: "calotype", providers: { calotype: { setup: () => seen, defaults: { baseURL: base } } },
    presets: { thumb: { modifiers: { width: 60, height: 60, fit: "cover", format: "webp" } } },
    screens: { sm: 640, md: 768 }, densities: [1, 2], alias: {}, domains: [], nuxt: { baseURL: "/" },
  })
  $img(src, { width: 120 })
  $img(src, { width: "120px", height: 80, fit: "contain", format: "png", quality: 70 })
  $img(src, { width: 120, height: 80, fit: "inside" })
  $img.thumb(src)
  const { srcset } = $img.getSizes(src, { sizes: "100vw sm:200px md:400px", modifiers: { width: 120, height: 80 } })
  assert.ok(srcset.split(", ").length >= 4, srcset)
}

/** The addresses in clients/html, with their sizes by the attributes beside them. */
function page() {
  const text = readFileSync(new URL("../../clients/html/index.html", import.meta.url), "utf8")
    .replaceAll("https://img.example.org", base)
    .replaceAll("01934f6e-8d5c-7b3a-9c1e-0a1b2c3d4e5f", images.upload)
    .replaceAll(source("https://photos.example.org/tree.jpg"), source(images.elsewhere))
  for (const [tag] of text.replace(/<!--[^]*?-->/g, "").matchAll(/<(img|source)\b[^>]*>/g)) {
    const attribute = (name) => new RegExp(` ${name}="([^"]*)"`, "s").exec(tag.replaceAll("\n", " "))?.[1]
    const [width, height] = [attribute("width"), attribute("height")].map(Number)
    const type = attribute("type")
    if (attribute("src")) found.push({ what: "src in a page", url: attribute("src"), width, height })
    for (const candidate of (attribute("srcset") ?? "").split(/,\s+/)) {
      const [url, n, unit] = /^\s*(\S+) ([0-9]+)([wx])$/.exec(candidate)?.slice(1) ?? []
      if (unit === "w") found.push({ what: "srcset in a page", url, width: Number(n), type })
      if (unit === "x") found.push({ what: "srcset in a page", url, width: n * width, height: n * height, type })
    }
  }
  const [, background] = /background: url\((.*?)\)/.exec(text)
  found.push({ what: "background of a page", url: background })
  const written = text.match(new RegExp(`${base}/[^\\s")]+`, "g")).length
  assert.equal(found.filter(({ what }) => what.endsWith("a page")).length, written)
}

/** What a server makes for itself is signed when it is made; what a client makes stays within what was signed. */
async function signed(name, path) {
  const asked = { width: 64, height: 64, quality: 50, format: "jpg" }
  note(`signed address of ${name}`, base + (await sign(key, address(path, asked), { expires: expiry(3600) })), asked)
  const src = await sign(key, path, { grant: "w3840_d2_auto-webp" })
  const { default: Image } = nextImage
  const load = createLoader({ base })
  const loader = (props) => note(`next/image of ${name}, signed`, load(props), { width: props.width })
  render(createElement(Image, { src, loader, alt: "", width: 120, height: 80, sizes: "100vw" }))
  const transformer = (src, { width, format }, options) => note(`unpic of ${name}, signed`, unpic.transform(src, { width, format }, options), { width, format })
  render(createElement(UnpicImage, { src, transformer, options: { base }, operations: { format: "webp" }, alt: "", width: 120, height: 80 }))
  const $img = createImage({ provider: "calotype", providers: { calotype: { setup: nuxtProvider, defaults: { baseURL: base } } }, presets: {}, alias: {}, domains: [] })
  note(`@nuxt/image of ${name}, signed`, $img(src, { width: 120, format: "webp" }), { width: 120, format: "webp" })
}

if (key) {
  await signed("upload", `/download/${images.upload}`)
  await signed("elsewhere", `/proxy/_/${source(images.elsewhere)}`)
  process.stdout.write(JSON.stringify(found))
  process.exit()
}

for (const [name, src] of Object.entries(images)) {
  plain(name, src)
  if (name.endsWith("path")) continue // frameworks make the same of these
  next(name, src)
  unpicked(name, src)
  nuxt(name, src)
}
page()

// What cannot be an address is refused.
for (const src of ["tree.jpg", "/photos/tree.jpg", "", "data:image/png;base64,AAAA", "mailto:a@example.org", "0193-4f6e"]) {
  assert.throws(() => address(src, { base }), TypeError, src)
}
for (const options of [{ width: 0 }, { width: -1 }, { width: "wide" }, { height: NaN }, { width: 9, fit: "snug" }, { format: "../x" }, { quality: "a/b" }]) {
  assert.throws(() => address(images.upload, { base, ...options }), TypeError, JSON.stringify(options))
}
assert.equal(address("/photos/tree.jpg", { site: "https://www.example.org" }), `/proxy/_/${source("https://www.example.org/photos/tree.jpg")}.auto`)
assert.equal(source("HTTPS://Photos.Example.ORG:443/a?b=c#d"), source("https://photos.example.org/a?b=c"))

process.stdout.write(JSON.stringify(found))
