// What people paste into their pages.

import { describe, request } from "../request";
import type { Image } from "./records";

/** The address of the original, for everywhere. */
export const address = (image: Image): string => new URL(image.url, location.href).href;

/** An img element in a format, or a picture element of several formats if that is "auto". The server writes it: it knows which widths and formats there are. */
export async function pictureTag(image: Image, extension: string): Promise<string> {
  const query = new URLSearchParams({ base: location.origin, placeholder: "0", alt: altOf(image) });
  const answer = await request(`/srcset/${image.id}.${extension}?${query}`, { headers: { Accept: "text/html" } });
  if (!answer.ok) throw new Error(await describe(answer));
  return (await answer.text()).trim();
}

/** What the name of a file says of what is to be seen: "old-mill_2.jpg" is an old mill 2. */
const altOf = (image: Image): string =>
  (image.name ?? "")
    .replace(/\.\w+$/, "")
    .replace(/[-_]+/g, " ")
    .trim();
