// What every field of a parameter is given. A value is text, as it stands in an address; undefined is left out.

import type { Parameter } from "./description";

export interface Field {
  parameter: Parameter;
  value: string | undefined;
  set: (value: string | undefined) => void;
  /** The picture of which lengths are taken. */
  picture: { width: number; height: number };
  /** What is wrong with the value. */
  fault?: string;
  /** Points are picked on the picture. */
  pick?: () => void;
}

/** What ties an element of a form to its label, to what is said of it, and to what is wrong with it. */
export interface Labels {
  id: string;
  "aria-describedby": string;
  "aria-invalid"?: "true";
}

/** A field whose element is tied to its label. */
export type Labelled = Field & { labels: Labels };

/** A number with at most so many digits behind the point. */
export const round = (n: number, digits: number): number => Number(n.toFixed(digits));
