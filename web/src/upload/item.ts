import { type DetailedError, Upload } from "tus-js-client";
import { askToken, authorization, problemOf, request, token } from "../request";
import { answerTo, cannotTell, inWords, isReadable, Unanswered } from "./answers";
import { Changes } from "./changes";
import { forget, type Image, keyOf, remember, type UploadRecord } from "./records";

/**
 * waiting: its turn has not come. sending: bytes go. checking: all have gone, and the server looks at them. held: the connection or the server
 * fails, and it goes on by itself. paused: by whoever uploads. missing: the browser cannot read the file any more, as after the page was loaded anew.
 */
export type State = "waiting" | "sending" | "checking" | "held" | "paused" | "missing" | "done" | "refused";

/** Where uploads are begun (tus 1.0). */
const endpoint = new URL("/files/", location.href).href;

// The bytes in a request. The first are few, so that what is no image is refused before much was sent; the others are as many as proxies on the
// way let through.
const firstBytes = 1 << 20;
const moreBytes = 64 << 20;

// Milliseconds without a sign of life after which a connection is given up: while bytes go, and while the server looks at them.
const silence = { sending: 30_000, checking: 180_000 };

/** Answers after which it is tried again without a question: the server is busy, stops, starts, or another request has not let go of the upload yet. */
const passing = [408, 409, 423, 425, 429, 502, 503, 504];

/** Problems that stay the same however often a file is sent. */
const final = [413, 415, 422];

/** One file on its way. */
export class Item extends Changes {
  state: State;
  /** Bytes that have gone. */
  sent = 0;
  /** Why it is held or was refused, in words for people. */
  reason = "";
  /** Whether it helps to send a refused file again. */
  again = false;
  readonly key: string;
  readonly name: string;
  readonly size: number;
  image: Image | null = null;

  private upload: Upload | null = null;
  private url: string | undefined;
  private begun = Date.now();
  private id = ""; // of the image, which is that of the upload, as soon as it is complete
  private sentToken: string | null = null;
  private attempts = 0;
  private timer = 0;
  private alive = 0; // when there was a sign of life
  private fresh = true; // since it was begun or resumed, nothing was heard of how far it is
  private moved = 0;

  constructor(
    public file: File | null,
    record?: UploadRecord,
  ) {
    super();
    this.key = record?.key ?? keyOf(file as File);
    this.name = record?.name ?? (file as File).name;
    this.size = record?.size ?? (file as File).size;
    this.state = "waiting";
    if (record) {
      this.url = record.url;
      this.begun = record.begun;
      this.image = record.image ?? null;
      this.state = record.image ? "done" : "missing";
    }
    if (this.state === "done") this.sent = this.size;
  }

  get isActive(): boolean {
    return this.state === "sending" || this.state === "checking" || this.state === "held";
  }

  /** Whether it still has a way to go without being asked to. */
  get isOpen(): boolean {
    return this.isActive || this.state === "waiting";
  }

  private become(state: State, reason = ""): void {
    this.state = state;
    this.reason = reason;
    this.tell();
  }

  /** Refuses the file before it is sent. */
  refuse(reason: string, again = false): void {
    this.stop();
    this.again = again;
    this.upload = null;
    this.url = undefined;
    forget(this.key);
    this.become("refused", reason);
  }

  /** Has it wait for its turn; a file that was missing must be given. */
  wait(file?: File): void {
    if (file) this.file = file;
    this.become("waiting");
  }

  /** Sends it, from where it stopped if it did. */
  start(): void {
    this.remember();
    this.run();
  }

  private run(): void {
    clearTimeout(this.timer);
    this.alive = performance.now();
    this.fresh = true;
    this.sentToken = token.get();
    if (this.id) {
      void this.look();
      return;
    }
    this.become("sending");
    this.upload ??= this.newUpload();
    this.upload.options.headers = authorization();
    this.upload.start();
  }

  private newUpload(): Upload {
    const upload: Upload = new Upload(this.file as File, {
      endpoint,
      uploadUrl: this.url,
      metadata: { filename: this.name, filetype: this.file?.type ?? "" },
      chunkSize: firstBytes,
      uploadDataDuringCreation: true,
      retryDelays: null, // an upload is held here, for as long as it takes
      storeFingerprintForResuming: false,
      onAfterResponse: (sent, answer) => {
        if (cannotTell(sent, answer)) throw new Unanswered();
      },
      onUploadUrlAvailable: () => {
        upload.options.chunkSize = moreBytes;
        this.url = upload.url ?? undefined;
        this.remember();
      },
      onProgress: (bytes) => {
        if (this.fresh) this.fresh = false;
        else if (bytes > this.sent) {
          this.moved += bytes - this.sent;
          this.attempts = 0;
        }
        this.sent = bytes;
        this.alive = performance.now();
        if (this.state === "sending" && bytes === this.size) this.become("checking");
      },
      onSuccess: () => {
        this.id = upload.url?.match(/[^/]+$/)?.[0] ?? "";
        this.attempts = 0;
        void this.look();
      },
      onError: (error) => void this.tellApart(error),
    });
    return upload;
  }

  /** Asks the server what it sees in the image. */
  private async look(): Promise<void> {
    this.become("checking");
    try {
      const answer = await request(`/images/${this.id}`);
      if (this.state !== "checking") return;
      if (!answer.ok) return await this.fail(answer);
      this.image = await answer.json();
      this.sent = this.size;
      this.upload = null;
      this.file = null;
      this.become("done");
      this.remember();
    } catch {
      if (this.state === "checking") this.hold();
    }
  }

  /** Finds out what an error of tus-js-client is: the end of the connection, or an answer of the server. */
  private async tellApart(error: Error | DetailedError): Promise<void> {
    const cause = "causingError" in error ? error.causingError : null;
    if (!(cause instanceof Unanswered)) return this.fail(answerTo(error));
    try {
      const answer = await request(this.url as string); // HEAD has no words
      return await this.fail(answer.ok ? null : answer);
    } catch {
      return this.fail(null);
    }
  }

  /** Decides what to do after an answer that is no success, or none at all. */
  private async fail(answer: Response | null): Promise<void> {
    const problem = answer && (await problemOf(answer));
    const readable = problem !== null || (await isReadable(this.file as File));
    if (!this.isActive) return; // paused meanwhile
    if (!readable) return this.lose();
    if (!problem) return this.hold();
    const expired = (problem.status === 404 || problem.status === 410) && this.url !== undefined && !this.id;
    if (problem.status === 401) {
      this.alive = Number.POSITIVE_INFINITY; // whoever is asked may take their time
      if (token.get() !== this.sentToken || (await askToken(this.sentToken !== null))) {
        if (this.isActive) this.run();
      } else if (this.isActive) this.refuse("It needs a token.", true);
    } else if (expired || passing.includes(problem.status)) {
      this.hold(inWords(problem), problem.retryAfter);
    } else {
      this.refuse(inWords(problem), !final.includes(problem.status));
    }
  }

  /** Waits for the file to be chosen again, since it cannot be read: it was moved or changed, or the page is about to be left. */
  private lose(): void {
    this.file = null;
    this.upload = null;
    this.become("missing");
  }

  /** Tries again after a while, which grows. */
  private hold(reason = "", seconds = 0): void {
    const wait = Math.max(seconds, Math.min(20, 2 ** this.attempts++ / 2)) * (1 + Math.random() / 4);
    this.timer = window.setTimeout(() => this.run(), 1000 * wait);
    this.become("held", reason);
  }

  /** Tries again now, if it is held. */
  hurry(): void {
    if (this.state === "held") this.run();
  }

  /** The bytes that have gone since the last call. */
  takeMoved(): number {
    const { moved } = this;
    this.moved = 0;
    return moved;
  }

  /** Gives up a connection on which nothing has happened for long. */
  watch(): void {
    const most = silence[this.state as keyof typeof silence];
    if (!most || performance.now() - this.alive < most) return;
    void this.upload?.abort();
    this.hold();
  }

  pause(): void {
    if (!this.isOpen) return;
    this.stop();
    this.become("paused");
  }

  private stop(): void {
    clearTimeout(this.timer);
    void this.upload?.abort();
  }

  /** Ends it for good, and has the server forget what came of it. */
  async cancel(): Promise<void> {
    this.stop();
    this.state = "refused";
    forget(this.key);
    if (!this.url || this.image) return;
    try {
      await Upload.terminate(this.url, { headers: authorization() });
    } catch {
      // the server forgets it by itself, later
    }
  }

  private remember(): void {
    const { key, name, size, begun, url } = this;
    remember({ key, name, size, begun, url, image: this.image ?? undefined });
  }
}
