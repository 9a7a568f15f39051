// Rectangles in the pixels of a picture, and how they stand in the arguments of a call.

export interface Size {
  width: number;
  height: number;
}

export interface Rectangle extends Size {
  left: number;
  top: number;
}

type Names = [string, string, string, string];
type Values = Record<string, string>;

const clamp = (n: number, low: number, high: number) => Math.min(Math.max(n, low), high);

function pixels(text: string | undefined, side: number): number {
  const n = Number.parseFloat(text ?? "");
  if (Number.isNaN(n)) return 0;
  return text?.endsWith("p") ? (n / 100) * side : n;
}

/** The part of a picture that arguments name: a negative distance counts from the other edge, a side of 0 reaches to it. */
export function readRectangle(names: Names, values: Values, picture: Size): Rectangle {
  const [left, top, width, height] = names.map((name, i) => pixels(values[name], i % 2 ? picture.height : picture.width)) as [
    number,
    number,
    number,
    number,
  ];
  const x = clamp(left < 0 ? left + picture.width : left, 0, picture.width - 1);
  const y = clamp(top < 0 ? top + picture.height : top, 0, picture.height - 1);
  return {
    left: x,
    top: y,
    width: width > 0 ? Math.min(width, picture.width - x) : picture.width - x,
    height: height > 0 ? Math.min(height, picture.height - y) : picture.height - y,
  };
}

/** The arguments that name a part of a picture: whole pixels, or percent where they were percent before. */
export function writeRectangle(names: Names, before: Values, r: Rectangle, picture: Size): Values {
  const values = { ...before };
  for (const [i, n] of [r.left, r.top, r.width, r.height].entries()) {
    const name = names[i] as string;
    const side = i % 2 ? picture.height : picture.width;
    values[name] = before[name]?.endsWith("p") ? `${Number(((n / side) * 100).toFixed(3))}p` : String(Math.round(n));
  }
  return values;
}

/** The rectangle in whole pixels, within the picture and not empty. */
export function fitted(r: Rectangle, picture: Size): Rectangle {
  const width = clamp(Math.round(r.width), 1, picture.width);
  const height = clamp(Math.round(r.height), 1, picture.height);
  return {
    left: clamp(Math.round(r.left), 0, picture.width - width),
    top: clamp(Math.round(r.top), 0, picture.height - height),
    width,
    height,
  };
}

/** The rectangle between a corner that stays and one that is moved, in a shape if there is one. */
export function between(from: { x: number; y: number }, to: { x: number; y: number }, picture: Size, shape?: number): Rectangle {
  const right = to.x >= from.x;
  const down = to.y >= from.y;
  let width = Math.min(Math.abs(to.x - from.x), right ? picture.width - from.x : from.x);
  let height = Math.min(Math.abs(to.y - from.y), down ? picture.height - from.y : from.y);
  if (shape) {
    const room = { width: right ? picture.width - from.x : from.x, height: down ? picture.height - from.y : from.y };
    width = Math.min(Math.max(width, height * shape), room.width, room.height * shape);
    height = width / shape;
  }
  return fitted({ left: right ? from.x : from.x - width, top: down ? from.y : from.y - height, width, height }, picture);
}

/** A rectangle that is cut to a shape around its middle. */
export function shaped(r: Rectangle, shape: number, picture: Size): Rectangle {
  let { width, height } = r;
  if (width / height > shape) width = height * shape;
  else height = width / shape;
  return fitted({ left: r.left + (r.width - width) / 2, top: r.top + (r.height - height) / 2, width, height }, picture);
}

/** Moves an edge or two of a rectangle, which "n", "se" and the like name, by a distance. */
export function stretched(r: Rectangle, edge: string, dx: number, dy: number, picture: Size, shape?: number): Rectangle {
  let { left, top } = r;
  let right = r.left + r.width;
  let bottom = r.top + r.height;
  if (edge.includes("w")) left = clamp(left + dx, 0, right - 1);
  if (edge.includes("e")) right = clamp(right + dx, left + 1, picture.width);
  if (edge.includes("n")) top = clamp(top + dy, 0, bottom - 1);
  if (edge.includes("s")) bottom = clamp(bottom + dy, top + 1, picture.height);
  if (!shape) return fitted({ left, top, width: right - left, height: bottom - top }, picture);
  if (edge.length === 2) {
    const from = { x: edge.includes("w") ? right : left, y: edge.includes("n") ? bottom : top };
    return between(from, { x: edge.includes("w") ? left : right, y: edge.includes("n") ? top : bottom }, picture, shape);
  }
  // An edge that is moved alone has the others follow, around the middle.
  const wanted = edge === "e" || edge === "w" ? right - left : (bottom - top) * shape;
  const width = Math.min(wanted, picture.width, picture.height * shape);
  const height = width / shape;
  const middle = { x: (left + right) / 2, y: (top + bottom) / 2 };
  return fitted({ left: middle.x - width / 2, top: middle.y - height / 2, width, height }, picture);
}
