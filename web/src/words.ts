// Numbers in words, as the server's pages write them.

/** A number with a comma between thousands. */
export const number = (n: number): string => Math.round(n).toLocaleString("en-US");

/** "1 image", "1,200 images". */
export const counted = (n: number, what: string): string => (n === 1 ? `1 ${what}` : `${number(n)} ${what}s`);

/** A size with two digits or more, in powers of 1000: "812 bytes", "1.4 MB". */
export function size(bytes: number): string {
  if (bytes < 1000) return counted(bytes, "byte");
  const units = ["kB", "MB", "GB", "TB", "PB", "EB"];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value.toFixed(value < 9.95 ? 1 : 0)} ${units[unit]}`;
}

/** A time in seconds, as one would say it: "8 s", "3 min", "2 h 5 min". */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const rest = minutes % 60;
  return `${Math.floor(minutes / 60)} h${rest ? ` ${rest} min` : ""}`;
}

/** The name of a format as people write it: "JPEG", "WebP". */
export const format = (name: string): string => (name === "webp" ? "WebP" : name.toUpperCase());
