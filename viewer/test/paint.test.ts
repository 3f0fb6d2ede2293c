import assert from "node:assert/strict";
import { test } from "node:test";

import { paint } from "../src/image/paint.ts";
import { halved, pixelsOf } from "../src/image/pixels.ts";

const identity = Uint32Array.from({ length: 65536 }, (_, value) => value);

function painted(pixels: ReturnType<typeof pixelsOf>, size: number, view: { scale: number; x: number; y: number }) {
  const out = new Uint32Array(size * size);
  paint(out, { width: size, height: size }, pixels, view, identity);
  return [...out];
}

test("at 1:1 every stored value is shown as it is, at 16 bit", () => {
  const values = Uint16Array.from([0, 1, 40000, 65535]);
  assert.deepEqual(painted(pixelsOf(2, 2, values), 2, { scale: 1, x: 0, y: 0 }), [...values]);
});

test("what is beside the image is opaque black", () => {
  const out = painted(pixelsOf(1, 1, Uint16Array.from([9])), 2, { scale: 1, x: 1, y: 0 });
  assert.deepEqual(out, [0xff000000, 9, 0xff000000, 0xff000000]);
});

test("twice as large is interpolated between the middles of pixels", () => {
  const out = painted(pixelsOf(2, 1, Uint16Array.from([0, 400])), 4, { scale: 2, x: 0, y: 0 });
  assert.deepEqual(out.slice(0, 4), [0, 100, 300, 400]);
});

test("a small view is the mean of what it covers, not a sample of it", () => {
  const checkered = Uint16Array.from({ length: 512 * 512 }, (_, index) => ((index + (index >> 9)) % 2) * 1000);
  const out = painted(pixelsOf(512, 512, checkered), 256, { scale: 0.5, x: 0, y: 0 });
  assert.deepEqual(new Set(out), new Set([500]));
});

test("halves of odd sizes keep the last row and column", () => {
  const half = halved({ width: 3, height: 1, values: Uint16Array.from([10, 20, 30]) });
  assert.deepEqual([half.width, half.height, ...half.values], [2, 1, 15, 30]);
});

test("the lowest and the highest value are known", () => {
  const { low, high } = pixelsOf(2, 2, Uint16Array.from([7, 3, 3, 60000]));
  assert.deepEqual([low, high], [3, 60000]);
});
