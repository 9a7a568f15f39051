// BlurHash as https://github.com/woltapp/blurhash describes it: a few waves of color, which are what a picture looks like from afar.

const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~";

const decode83 = (text: string): number => [...text].reduce((n, digit) => n * 83 + digits.indexOf(digit), 0);

const linear = (value: number): number => (value <= 10 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);

function sRGB(value: number): number {
  const v = Math.min(1, Math.max(0, value));
  return Math.round(255 * (v <= 0.0031308 ? v * 12.92 : 1.055 * v ** (1 / 2.4) - 0.055));
}

/** Draws a hash into pixels, row by row, of 4 bytes: red, green, blue, alpha. It returns null for what is no hash. */
export function decode(hash: string, width: number, height: number): Uint8ClampedArray<ArrayBuffer> | null {
  const size = decode83(hash.slice(0, 1));
  const across = (size % 9) + 1;
  const down = Math.floor(size / 9) + 1;
  if (hash.length !== 4 + 2 * across * down || [...hash].some((digit) => !digits.includes(digit))) return null;
  const mean = decode83(hash.slice(2, 6));
  const most = (decode83(hash.slice(1, 2)) + 1) / 166;
  const waves: [number, number, number][] = [[linear(mean >> 16), linear((mean >> 8) & 255), linear(mean & 255)]];
  const signed = (level: number) => Math.sign(level - 9) * ((level - 9) / 9) ** 2 * most;
  for (let i = 6; i < hash.length; i += 2) {
    const levels = decode83(hash.slice(i, i + 2));
    waves.push([signed(Math.floor(levels / 361)), signed(Math.floor(levels / 19) % 19), signed(levels % 19)]);
  }
  const pixels = new Uint8ClampedArray(4 * width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let [r, g, b] = [0, 0, 0];
      waves.forEach(([red, green, blue], i) => {
        const basis = Math.cos((Math.PI * x * (i % across)) / width) * Math.cos((Math.PI * y * Math.floor(i / across)) / height);
        r += red * basis;
        g += green * basis;
        b += blue * basis;
      });
      pixels.set([sRGB(r), sRGB(g), sRGB(b), 255], 4 * (y * width + x));
    }
  }
  return pixels;
}
