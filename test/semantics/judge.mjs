// Reads answers as JSON, [{url, status, headers}], and writes what a shared cache makes of each:
// [{storable, fresh, whileRevalidate, ifError}], the times in seconds, each found by looking at the answer at later times.
import { readFileSync } from "node:fs"
import CachePolicy from "http-cache-semantics"

const year = 366 * 86400

function judge({ url, status, headers }) {
  const request = { method: "GET", url, headers: { host: "example.com", accept: "image/webp" } }
  const policy = new CachePolicy(request, { status, headers }, { shared: true })
  const began = Date.parse(headers.date)
  // The last second after the answer came, up to two years, in which something holds.
  const until = (holds) => {
    let low = -1, high = 2 * year
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2)
      policy.now = () => began + middle * 1000
      if (holds()) low = middle
      else high = middle
    }
    return high
  }
  policy._responseTime = began
  if (!policy.storable()) return { storable: false, fresh: 0, whileRevalidate: 0, ifError: 0 }
  const fresh = until(() => policy.evaluateRequest(request).revalidation === undefined)
  const usable = until(() => policy.evaluateRequest(request).response !== undefined)
  const despiteErrors = until(() => !policy.revalidatedPolicy(request, { status: 503, headers: {} }).modified)
  return { storable: true, fresh, whileRevalidate: usable - fresh, ifError: Math.max(0, despiteErrors - fresh) }
}

const answers = JSON.parse(readFileSync(0, "utf8"))
console.log(JSON.stringify(answers.map(judge)))
