import { readFileSync } from 'node:fs'
import { expiry, sign } from '../calotype_signing.mjs'

const vectors = JSON.parse(readFileSync(process.argv[2], 'utf8'))
let seen = 0
const check = (name, got, want) => {
  seen++
  if (got !== want) {
    console.log(`${name}: ${got}, want ${want}`)
    process.exitCode = 1
  }
}
for (const v of vectors.sign) check(v.name, await sign(v.key, v.path, { expires: v.expires, grant: v.grant }), v.signed)
for (const v of vectors.refused) check(v.name, await sign(v.key, v.path, {}).catch(() => 'refused'), 'refused')
for (const v of vectors.expiry) check(v.name, expiry(v.life, v.now), v.expires)
console.log(`${seen} vectors`)
