/** An image's stored values at halved sizes, so that small views are averages and not gaps. */

export interface Level {
  readonly width: number;
  readonly height: number;
  readonly values: Uint16Array;
}

export interface Pixels {
  /** The image itself first, then each half as large as the one before. */
  readonly levels: readonly Level[];
  readonly low: number;
  readonly high: number;
}

const SMALLEST = 256;

export function pixelsOf(width: number, height: number, values: Uint16Array): Pixels {
  const levels: Level[] = [{ width, height, values }];
  for (let last = levels[0]!; Math.max(last.width, last.height) > SMALLEST; levels.push(last)) last = halved(last);
  let [low, high] = [65535, 0];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { levels, low: Math.min(low, high), high };
}

/** Each pixel the mean of four; at odd edges the last row or column counts twice. */
export function halved({ width, height, values }: Level): Level {
  const [w, h] = [Math.ceil(width / 2), Math.ceil(height / 2)];
  const half = new Uint16Array(w * h);
  for (let y = 0; y < h; y++) {
    const top = 2 * y * width;
    const bottom = Math.min(2 * y + 1, height - 1) * width;
    for (let x = 0; x < w; x++) {
      const left = 2 * x;
      const right = Math.min(left + 1, width - 1);
      const sum = values[top + left]! + values[top + right]! + values[bottom + left]! + values[bottom + right]!;
      half[y * w + x] = (sum + 2) >> 2;
    }
  }
  return { width: w, height: h, values: half };
}
