/** From stored values to gray: the linear window of DICOM PS3.3 C.11.2.1.2.1. */

export interface Window {
  /** Stored value that is shown in mid gray. */
  readonly center: number;
  /** Stored values from black to white, at least 1. */
  readonly width: number;
}

/** Gray 0 ... 255 of one stored value. */
export function gray(value: number, { center, width }: Window, invert: boolean): number {
  const share = width <= 1 ? Number(value > center - 0.5) : (value - (center - 0.5)) / (width - 1) + 0.5;
  const level = Math.round(255 * Math.min(1, Math.max(0, share)));
  return invert ? 255 - level : level;
}

/** Opaque gray RGBA, as one 32-bit number, of each value that an image of so many bits can hold. */
export function lookup(bits: number, window: Window, invert: boolean): Uint32Array {
  const table = new Uint32Array(2 ** bits);
  for (let value = 0; value < table.length; value++)
    table[value] = (0xff000000 | (gray(value, window, invert) * 0x010101)) >>> 0;
  return table;
}

/** The window after a drag: to the right is wider, down is a higher center, a whole image's range in 700 pixels. */
export function dragged(window: Window, dx: number, dy: number, range: number): Window {
  const step = range / 700;
  return { center: window.center + dy * step, width: Math.max(1, window.width + dx * step) };
}

/** The window from the smallest to the largest value of an image. */
export function fullRange(low: number, high: number): Window {
  return { center: (low + high + 1) / 2, width: Math.max(1, high - low + 1) };
}
