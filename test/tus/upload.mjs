// Uploads a file with tus-js-client, as told by a JSON object in the first argument, and writes what happens as lines of JSON: a line
// {"chunk": OFFSET} after each chunk, and in the end {"done": …} or {"error": …}, with all requests and their statuses.
import fs from 'node:fs'
import { PassThrough } from 'node:stream'
import { createRequire } from 'node:module'

const tus = createRequire(import.meta.url)('tus-js-client')
const told = JSON.parse(process.argv[2])
const say = (line) => fs.writeSync(1, JSON.stringify(line) + '\n')

const requests = []
let sent = 0 // bytes, as far as the server has acknowledged them
const end = (line) => say({ ...line, url: upload.url, requests, sent })

const source = () => {
  const stream = fs.createReadStream(told.file)
  // Of a file the client knows the length; of what passes through it does not.
  return told.options.uploadLengthDeferred ? stream.pipe(new PassThrough()) : stream
}

const upload = new tus.Upload(source(), {
  endpoint: told.endpoint,
  metadata: { filename: told.file.split('/').pop() },
  ...(told.storage && { urlStorage: new tus.FileUrlStorage(told.storage), fingerprint: async () => told.file }),
  removeFingerprintOnSuccess: true,
  ...told.options,
  onAfterResponse: (request, response) => {
    requests.push(`${request.getMethod()} ${response.getStatus()}`)
  },
  onChunkComplete: (size, offset) => {
    sent += size
    say({ chunk: offset })
    if (told.meddle && offset === size) meddle(offset)
    if (told.abort && offset >= told.abort) stop()
  },
  onProgress: (bytes) => {
    if (told.abortAt && bytes >= told.abortAt) stop()
  },
  onSuccess: ({ lastResponse }) => end({ done: lastResponse.getHeader('Content-Location') ?? '' }),
  onError: (error) => end({ error: error.originalResponse?.getStatus() ?? 0, text: error.originalResponse?.getBody() ?? String(error) }),
})

// stop aborts the upload, and starts it again if it is told so.
let stopped = false
function stop() {
  if (stopped) return
  stopped = true
  setImmediate(async () => {
    await upload.abort(Boolean(told.terminate))
    if (told.again) upload.start()
    else end({ done: 'aborted' })
  })
}

// meddle sends more of the file behind the client's back.
function meddle(offset) {
  const bytes = fs.readFileSync(told.file).subarray(offset, offset + told.meddle)
  upload.abort()
  fetch(upload.url, {
    method: 'PATCH',
    headers: { 'Tus-Resumable': '1.0.0', 'Upload-Offset': String(offset), 'Content-Type': 'application/offset+octet-stream' },
    body: bytes,
  }).then((response) => {
    requests.push(`meddling ${response.status}`)
    upload._aborted = false
    upload._performUpload() // on with the offset that it has, as if it had not stopped
  })
}

if (told.previous) {
  const previous = await upload.findPreviousUploads()
  if (previous.length !== 1) throw new Error(`${previous.length} previous uploads are known`)
  upload.resumeFromPreviousUpload(previous[0])
}
upload.start()
