// What the API description says of operations, settings and formats. Nothing else is known here of any of them: what is declared in the
// server's transform package appears in the playground.

export type Kind =
  | "integer"
  | "number"
  | "length"
  | "word"
  | "words"
  | "flag"
  | "color"
  | "point"
  | "ratio"
  | "switch"
  | "id"
  | "base64url"
  | "name";

export interface Parameter {
  name: string;
  doc: string;
  expected: string;
  kind: Kind;
  /** It is written as name=value. */
  named: boolean;
  required: boolean;
  /** The value of an argument that is left out. */
  preset?: string;
  minimum?: number;
  maximum?: number;
  step?: number;
  /** The number is taken modulo this. */
  wrap?: number;
  /** What a slider offers: of the number, or of a length in percent. */
  usual?: [number, number];
  unit?: string;
  axis?: "width" | "height";
  words: string[];
  /** Where in a picture the words lie, as shares from its top left corner. */
  places?: Record<string, [number, number]>;
  opaque: boolean;
}

export interface Form {
  doc: string;
  parameters: Parameter[];
  /** Texts of the arguments that must be written, to begin with. */
  start: Record<string, string>;
  /** The names of left, top, width and height of a rectangle on the picture. */
  rectangle?: [string, string, string, string];
}

/** An operation or a setting. */
export interface Operation {
  name: string;
  doc: string;
  group: string;
  setting: boolean;
  /** A setting on which already the first operation depends. */
  selects: boolean;
  forms: Form[];
}

export interface Format {
  name: string;
  extension: string;
  type: string;
  doc: string;
  settings: string[];
}

export interface Description {
  operations: Operation[];
  formats: Format[];
  recipes: { title: string; chain: string }[];
}

// biome-ignore lint/suspicious/noExplicitAny: it is JSON, and what is read of it stands here
type Schema = any;

function readParameter(name: string, schema: Schema, required: boolean): Parameter {
  const parts: Schema[] = [schema, schema.items ?? {}, ...(schema.oneOf ?? [])];
  const find = (key: string) => parts.find((part) => part[key] !== undefined)?.[key];
  return {
    name,
    doc: schema.description,
    expected: schema["x-expected"],
    kind: schema["x-kind"],
    named: schema["x-named"],
    required,
    preset: schema["x-default"],
    minimum: find("minimum"),
    maximum: find("maximum"),
    step: find("multipleOf"),
    wrap: schema["x-wrap"],
    usual: schema["x-usual"],
    unit: schema["x-unit"],
    axis: schema["x-axis"],
    words: schema["x-kind"] === "switch" ? [] : (find("enum") ?? []),
    places: schema["x-places"],
    opaque: schema["x-opaque"] ?? false,
  };
}

function readForm(schema: Schema): Form {
  const entries = Object.entries<Schema>(schema.properties).sort(([, a], [, b]) => a["x-place"] - b["x-place"]);
  return {
    doc: schema["x-form"] ?? "",
    parameters: entries.map(([name, property]) => readParameter(name, property, (schema.required ?? []).includes(name))),
    start: schema["x-start"] ?? {},
    rectangle: schema["x-rectangle"],
  };
}

/** Reads the API description and what the server can write. */
export function readDescription(api: Schema, capabilities: Schema): Description {
  const { Operation: operation, Format: format } = api.components.schemas;
  const operations = new Map<string, Operation>();
  for (const schema of operation.oneOf) {
    const name = schema["x-name"];
    const known = operations.get(name);
    if (known) known.forms.push(readForm(schema));
    else {
      operations.set(name, {
        name,
        doc: schema["x-doc"] ?? schema.description,
        group: schema["x-group"],
        setting: schema["x-setting"] ?? false,
        selects: schema["x-selects"] ?? false,
        forms: [readForm(schema)],
      });
    }
  }
  const written = new Set(capabilities.formats.filter((f: Schema) => f.write).map((f: Schema) => f.format));
  return {
    operations: [...operations.values()],
    formats: format["x-formats"]
      .filter((f: Schema) => written.has(f.name))
      .map((f: Schema) => ({ name: f.name, extension: f.extension, type: f.type, doc: f.doc, settings: f.settings })),
    recipes: operation["x-recipes"],
  };
}

/** The first sentence of a text. */
export const summary = (doc: string): string => doc.match(/^.+?[.](?=\s|$)/)?.[0] ?? doc;
