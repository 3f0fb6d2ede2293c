/** Draws an image into a canvas' pixels: interpolated at full bit depth first, made gray afterwards. */

import type { Pixels } from "./pixels.ts";
import type { Size, View } from "./view.ts";

/** RGBA of what is beside the image. */
const BESIDE = 0xff000000;

interface Taps {
  readonly first: Int32Array;
  readonly second: Int32Array;
  readonly share: Float32Array;
}

/**
 * @param out `target.width * target.height` RGBA pixels.
 * @param view Where the image lies in the target, in the target's pixels.
 * @param table RGBA of each stored value.
 */
export function paint(out: Uint32Array, target: Size, pixels: Pixels, view: View, table: Uint32Array): void {
  const steps = Math.min(pixels.levels.length - 1, Math.max(0, Math.floor(Math.log2(1 / view.scale))));
  const level = pixels.levels[steps]!;
  const { width, values } = level;
  const full = pixels.levels[0]!;
  const columns = taps(target.width, full.width, view.x, view.scale, 2 ** steps, width);
  const rows = taps(target.height, full.height, view.y, view.scale, 2 ** steps, level.height);
  for (let y = 0, at = 0; y < target.height; y++) {
    if (rows.first[y]! < 0) {
      out.fill(BESIDE, at, at + target.width);
      at += target.width;
      continue;
    }
    const top = rows.first[y]! * width;
    const bottom = rows.second[y]! * width;
    const down = rows.share[y]!;
    for (let x = 0; x < target.width; x++, at++) {
      const left = columns.first[x]!;
      if (left < 0) {
        out[at] = BESIDE;
        continue;
      }
      const right = columns.second[x]!;
      const along = columns.share[x]!;
      const upper = values[top + left]! + (values[top + right]! - values[top + left]!) * along;
      const lower = values[bottom + left]! + (values[bottom + right]! - values[bottom + left]!) * along;
      out[at] = table[(upper + (lower - upper) * down + 0.5) | 0]!;
    }
  }
}

/** Which two pixels of a level each target pixel lies between along one axis, and how far; -1 beside the image. */
function taps(count: number, image: number, offset: number, scale: number, step: number, pixels: number): Taps {
  const first = new Int32Array(count).fill(-1);
  const second = new Int32Array(count);
  const share = new Float32Array(count);
  for (let index = 0; index < count; index++) {
    const place = (index + 0.5 - offset) / scale;
    if (place < 0 || place >= image) continue;
    const center = Math.min(pixels - 1, Math.max(0, place / step - 0.5));
    first[index] = Math.floor(center);
    second[index] = Math.min(pixels - 1, first[index]! + 1);
    share[index] = center - first[index]!;
  }
  return { first, second, share };
}
