// Chains as they stand in addresses: read into calls that can be changed one by one, and written again. Whether a value is a good one is
// for the server to say; here it stays the text that was written.

import type { Description, Form, Operation, Parameter } from "./description";

/** One segment of an address: an operation or a setting with its arguments. */
export interface Call {
  key: number;
  name: string;
  form: number;
  /** The arguments that are written, by parameter. */
  values: Record<string, string>;
  /** It is left out of the address for now. */
  off?: boolean;
  /** A segment that is not understood, as it was written. */
  text?: string;
}

export interface Chain {
  calls: Call[];
  settings: Call[];
  /** Without its dot; "" for the format of the original. */
  extension: string;
}

let keys = 0;

/** A key that no other call of this page has. */
export const newKey = (): number => ++keys;

export const nothing: Chain = { calls: [], settings: [], extension: "" };

export const operationOf = (d: Description, call: Call): Operation | undefined => d.operations.find((o) => o.name === call.name);

export const formOf = (d: Description, call: Call): Form | undefined => operationOf(d, call)?.forms[call.form];

/** A call to begin with. */
export const newCall = (o: Operation, form = 0): Call => ({ key: newKey(), name: o.name, form, values: { ...o.forms[form]?.start } });

const isFree = (p: Parameter) => p.kind === "id" || p.kind === "base64url" || p.kind === "name";
const isPlaced = (p: Parameter) => !p.named && p.kind !== "word" && p.kind !== "flag";

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** Reads what stands behind an id in an address. */
export function readChain(d: Description, path: string): Chain {
  const segments = path.split("/").filter(Boolean).map(decoded);
  const chain: Chain = { calls: [], settings: [], extension: "" };
  const last = segments.at(-1);
  const extension = last?.match(/\.([a-z][a-z0-9]*)$/i);
  if (last !== undefined && extension) {
    chain.extension = (extension[1] as string).toLowerCase();
    segments[segments.length - 1] = last.slice(0, -extension[0].length);
  }
  for (const segment of segments.filter(Boolean)) {
    const call = readCall(d, segment);
    (operationOf(d, call)?.setting ? chain.settings : chain.calls).push(call);
  }
  return chain;
}

function readCall(d: Description, segment: string): Call {
  const mark = segment.search(/[:=]/);
  const name = (mark < 0 ? segment : segment.slice(0, mark)).toLowerCase();
  const list = mark < 0 ? [] : segment.slice(mark + 1).split(/[,~]/);
  const o = d.operations.find((known) => known.name === name);
  const unknown: Call = { key: newKey(), name, form: 0, values: {}, text: segment };
  if (!o) return unknown;
  if (o.setting) {
    const p = o.forms[0]?.parameters[0];
    if (!p) return unknown;
    const value = list.length === 0 && p.kind === "switch" ? "1" : list.join(",");
    return { key: newKey(), name, form: 0, values: { [p.name]: value } };
  }
  const form = chooseForm(o, list);
  const values = form < 0 ? undefined : match((o.forms[form] as Form).parameters, list);
  return values ? { key: newKey(), name, form, values } : unknown;
}

/** The parameter that an argument names or, if it is a word, belongs to. */
function named(parameters: Parameter[], argument: string): Parameter | undefined {
  const text = argument.toLowerCase();
  const equal = text.indexOf("=");
  if (equal >= 0) return parameters.find((p) => p.named && p.name === text.slice(0, equal));
  return parameters.find((p) => (p.kind === "word" && !p.named && p.words.includes(text)) || (p.kind === "flag" && p.name === text));
}

/** The first form that has places for the arguments that no form knows by name. */
function chooseForm(o: Operation, list: string[]): number {
  if (o.forms.length === 1) return 0;
  const placed = list.filter((argument) => !o.forms.some((f) => named(f.parameters, argument))).length;
  return o.forms.findIndex((f) => {
    const places = f.parameters.filter(isPlaced);
    return places.filter((p) => p.required).length <= placed && placed <= places.length;
  });
}

/** The values of the arguments by parameter, if each has one. */
function match(parameters: Parameter[], list: string[]): Record<string, string> | undefined {
  const values: Record<string, string> = {};
  const places = parameters.filter(isPlaced);
  for (const [i, argument] of list.entries()) {
    const first = parameters[0];
    const p = i === 0 && first && isFree(first) ? first : named(parameters, argument);
    const taken = p ?? places.find((place) => values[place.name] === undefined);
    if (!taken || values[taken.name] !== undefined) return undefined;
    if (taken !== p) values[taken.name] = argument;
    else if (taken.named) values[taken.name] = argument.slice(argument.indexOf("=") + 1);
    else if (taken.kind === "flag") values[taken.name] = "1";
    else values[taken.name] = taken.kind === "word" ? argument.toLowerCase() : argument;
  }
  return values;
}

/** Writes a call as a segment of an address. */
export function writeCall(d: Description, call: Call): string {
  const o = operationOf(d, call);
  const parameters = o?.forms[call.form]?.parameters;
  if (call.text !== undefined || !o || !parameters) return inAddress(call.text ?? call.name);
  const set = (p: Parameter) => call.values[p.name] !== undefined;
  const places = parameters.filter(isPlaced);
  const last = places.findLastIndex((p) => set(p) || p.required);
  const list = places.slice(0, last + 1).map((p) => call.values[p.name] ?? p.preset ?? "");
  for (const p of parameters) {
    if (isPlaced(p) || p.named || !set(p)) continue;
    list.push(p.kind === "flag" ? p.name : (call.values[p.name] as string));
  }
  for (const p of parameters) if (p.named && set(p)) list.push(`${p.name}=${call.values[p.name]}`);
  return inAddress(list.length > 0 ? `${o.name}:${list.join(",")}` : o.name);
}

/** What is written in an address stands there as it is, as far as it can. */
const inAddress = (text: string): string => encodeURI(text).replace(/[/?#[\]]/g, encodeURIComponent);

/** The calls that stand in the address, in the order of their segments, of which the first has number 1: the id has 0. */
export const written = (chain: Chain): Call[] => [...chain.calls, ...chain.settings].filter((call) => !call.off);

/** Writes what stands behind an id in an address. */
export function writeChain(d: Description, chain: Chain): string {
  const path = written(chain).map((call) => `/${writeCall(d, call)}`);
  return path.join("") + (chain.extension && `.${chain.extension}`);
}

/** What the picture is made of that an operation gets: the operations before it, and the settings on which they depend. */
export function before(d: Description, chain: Chain, key: number): Chain {
  const place = chain.calls.findIndex((call) => call.key === key);
  return {
    calls: place < 0 ? chain.calls : chain.calls.slice(0, place),
    settings: chain.settings.filter((call) => operationOf(d, call)?.selects),
    extension: "",
  };
}
