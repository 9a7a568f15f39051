// Signs addresses of images, as docs/signing.md says, in Node and wherever there is WebCrypto. Whoever has the key can sign everything: it is
// for servers, and has no place in a page.

/**
 * Returns a path with a signature in it.
 *
 * @param {string} key one of the server's, as in k1:8f0c…
 * @param {string} path /download/<id>/… or /proxy/_/<source>/…, without a query
 * @param {number} [options.expires] in seconds since 1970; 0 for never
 * @param {string} [options.grant] what may be appended to what is returned, as in w1600s80_d3_avif-webp-jpg
 * @returns {Promise<string>}
 */
export async function sign(key, path, { expires = 0, grant = '' } = {}) {
  const [, name, digits] = /^([a-z0-9]{1,8}):((?:[0-9a-fA-F]{2}){32,})$/.exec(key) ?? refuse('this is no key')
  const [, route, rest] = /^(\/download\/|\/proxy\/)(?:(?<=\/proxy\/)\/*_\/)?\/*([^~/?#][^?#]*)$/.exec(path) ?? refuse(`${path} is not the path of an image`)
  const segments = rest.split('/').filter(Boolean).map((s) =>
    encodeURIComponent(decodeURIComponent(s)).replace(/%(2[46BC]|3[ABD]|40)/g, (c) => decodeURIComponent(c)))
  if (segments.some((s) => s === '.' || s === '..')) refuse(`${path} has dot segments`)
  const bounds = grant && `${grant}_n${segments.length}`
  const text = (grant ? `calotype1-bounded\n${name}\n${expires}\n${bounds}\n` : `calotype1\n${name}\n${expires}\n`) + route + segments.join('/')
  const secret = await crypto.subtle.importKey('raw', Uint8Array.from(digits.match(/../g), (d) => parseInt(d, 16)), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  const mac = new Uint8Array(await crypto.subtle.sign('HMAC', secret, new TextEncoder().encode(text)))
  const code = btoa(String.fromCharCode(...mac.subarray(0, 16))).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
  return `${route}~${name}.${expires}.${code}${bounds && '.' + bounds}/${segments.join('/')}`
}

/**
 * Returns the end of a signature that is to be good for so many seconds, at the least: in whole days, hours or minutes, so that addresses stay
 * the same for a while.
 */
export function expiry(seconds, now = Date.now() / 1000) {
  const grid = seconds >= 86400 ? 86400 : seconds >= 3600 ? 3600 : 60
  return Math.ceil((Math.floor(now) + seconds) / grid) * grid
}

function refuse(why) {
  throw new TypeError(why)
}
