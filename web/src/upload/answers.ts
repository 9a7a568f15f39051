// What answers to the requests of an upload tell, and what it means that there is none.

import type { DetailedError, HttpRequest, HttpResponse } from "tus-js-client";
import { type Problem, wordsOf } from "../request";

/** Tells whether the browser can still read a file. */
export async function isReadable(file: File): Promise<boolean> {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

/** What the server says of a file. What comes before the colon in the detail says the same as the title. */
export function inWords(problem: Problem): string {
  return wordsOf({ ...problem, detail: problem.detail?.replace(/^[^:]*: /, ""), retryAfter: undefined });
}

/** An answer to the question how much of an upload has come, which says nothing of it. */
export class Unanswered extends Error {}

/** tus-js-client takes any such answer for a sign that the upload is lost, and begins anew. It is one only if the server says that it has none. */
export function cannotTell(sent: HttpRequest, answer: HttpResponse): boolean {
  const status = answer.getStatus();
  return sent.getMethod() === "HEAD" && status >= 400 && status !== 404 && status !== 410;
}

/** The answer that an error of tus-js-client tells of; null if there was none. */
export function answerTo(error: Error | DetailedError): Response | null {
  if (!("originalRequest" in error)) return null;
  const answer = error.originalResponse;
  if (!answer || answer.getStatus() < 200) return null;
  const headers = new Headers();
  for (const name of ["Content-Type", "Retry-After"]) {
    const value = answer.getHeader(name);
    if (value) headers.set(name, value);
  }
  return new Response(answer.getStatus() === 204 ? null : answer.getBody(), { status: answer.getStatus(), headers });
}
