// What pages ask the server for, with the token of this tab where one is needed.

const place = "calotype-token";

/** The token that was given in this tab, kept until the tab is closed. It stands in no address and is sent in the Authorization header alone. */
export const token = {
  get: (): string | null => sessionStorage.getItem(place),
  keep: (value: string): void => change(() => sessionStorage.setItem(place, value)),
  forget: (): void => change(() => sessionStorage.removeItem(place)),
  /** Calls back whenever a token was given or forgotten. */
  watch: (call: () => void): void => document.addEventListener(place, call),
};

function change(how: () => void): void {
  how();
  document.dispatchEvent(new Event(place)); // scripts of one page do not share this module
}

/** The headers that admit whoever uses this tab; none if no token was asked for. */
export function authorization(): Record<string, string> {
  const value = token.get();
  return value ? { Authorization: `Bearer ${value}` } : {};
}

/**
 * Fetches like fetch. Where the server wants a token, it is asked for, and the request is sent again. If whoever was asked gives none, the
 * answer 401 is returned.
 */
export async function request(address: string, options: RequestInit = {}): Promise<Response> {
  for (;;) {
    const sent = token.get();
    const headers = new Headers(options.headers);
    for (const [name, value] of Object.entries(authorization())) headers.set(name, value);
    if (!headers.has("Accept")) headers.set("Accept", "application/json");
    const answer = await fetch(address, { ...options, headers });
    if (answer.status !== 401) return answer;
    if (sent === token.get()) token.forget(); // else another request has asked meanwhile
    if (!token.get() && !(await askToken(sent !== null))) return answer;
  }
}

let asking: Promise<boolean> | null = null;

/** Asks for a token, once for all who wait for one, and tells whether one was given. */
export function askToken(wrong: boolean): Promise<boolean> {
  asking ??= showDialog(wrong).finally(() => {
    asking = null;
  });
  return asking;
}

function showDialog(wrong: boolean): Promise<boolean> {
  const dialog = document.createElement("dialog");
  dialog.className = "sheet ask";
  dialog.setAttribute("aria-labelledby", "ask-title");
  dialog.innerHTML = `<form method="dialog">
    <h2 id="ask-title">A token is needed</h2>
    <p id="ask-why"></p>
    <label for="ask-token">Token</label>
    <input id="ask-token" type="password" autocomplete="off" required pattern="\\s*[!-~]+\\s*" title="letters, digits and signs" aria-describedby="ask-why">
    <p class="actions"><button value="give">Go on</button> <button type="button" class="plain">Cancel</button></p>
  </form>`;
  const part = <T extends Element>(selector: string) => dialog.querySelector(selector) as T;
  const field = part<HTMLInputElement>("input");
  part("#ask-why").textContent = wrong
    ? "The server does not know the token that was given."
    : "Whoever runs this server has given you one. It is kept until this tab is closed.";
  document.body.append(dialog);
  return new Promise((resolve) => {
    part<HTMLButtonElement>("button.plain").addEventListener("click", () => dialog.close(""));
    dialog.addEventListener("close", () => {
      const value = field.value.trim();
      const given = dialog.returnValue === "give" && value !== "";
      if (given) token.keep(value);
      dialog.remove();
      resolve(given);
    });
    dialog.showModal();
    field.focus();
  });
}

/** What an answer that tells of a problem says (RFC 9457). The last fields tell of faults in a chain. */
export interface Problem {
  title: string;
  status: number;
  detail?: string;
  segment?: number;
  offset?: number;
  operation?: string;
  parameter?: string;
  expected?: string;
  got?: string;
  /** In how many seconds it can be tried again. */
  retryAfter?: number;
}

/** Reads what an answer says that is no success, whoever gave it. */
export async function problemOf(answer: Response): Promise<Problem> {
  const problem: Problem = { title: answer.statusText || `Status ${answer.status}`, status: answer.status };
  const retry = Number(answer.headers.get("Retry-After"));
  if (retry > 0) problem.retryAfter = retry;
  if (answer.headers.get("Content-Type")?.startsWith("application/problem+json")) {
    try {
      Object.assign(problem, await answer.json());
    } catch {
      // it was cut off: the status says enough
    }
  }
  return problem;
}

/** A problem as a sentence for people. */
export function wordsOf(problem: Problem): string {
  const detail = problem.detail && problem.detail !== problem.title ? `: ${problem.detail}` : "";
  const text = `${problem.title}${detail}.`.replace(/\.\.$/, ".");
  return problem.retryAfter ? `${text} It can be tried again in ${problem.retryAfter} s.` : text;
}

/** What an answer that is no success says, in words for people. */
export const describe = async (answer: Response): Promise<string> => wordsOf(await problemOf(answer));
