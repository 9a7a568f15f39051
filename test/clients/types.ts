// What the modules of clients/ say they are is what the frameworks take. tsc checks it; nothing runs.
import type { ImageLoader } from "next/image"
import type { UnpicBaseImageProps, CoreImageAttributes } from "@unpic/core/base"
import type { ImageProvider } from "@nuxt/image"
import { address, source } from "../../clients/address.js"
import { createLoader } from "../../clients/next/loader.js"
import { extract, generate, transform } from "../../clients/unpic/provider.js"
import type { CalotypeOperations, CalotypeOptions } from "../../clients/unpic/provider.js"
import provider, { createProvider } from "../../clients/nuxt/provider.js"

export const loader: ImageLoader = createLoader({ base: "https://img.example.org", ratio: 16 / 9, format: "webp", sign: (path) => path })

export const props: UnpicBaseImageProps<CalotypeOperations, CalotypeOptions, CoreImageAttributes> = {
  src: "01934f6e-8d5c-7b3a-9c1e-0a1b2c3d4e5f", width: 640, height: 360, alt: "", transformer: transform,
  operations: { fit: "inside", quality: 60, chain: "grayscale" }, options: { base: "https://img.example.org" },
}

export const providers: (() => ImageProvider<{ baseURL?: string }>)[] = [provider, createProvider({ base: "https://img.example.org" })]

export const addresses: string[] = [
  address(new URL("https://photos.example.org/tree.jpg"), { width: 640, fit: "cover" }), generate(source("https://photos.example.org/tree.jpg"), { width: "640" }),
  extract("/download/01934f6e-8d5c-7b3a-9c1e-0a1b2c3d4e5f")?.src ?? "",
]

// @ts-expect-error there is no such fit
address("", { fit: "snug" })
// @ts-expect-error widths are not for the loader to choose
createLoader({ width: 640 })
