import assert from "node:assert/strict";
import { test } from "node:test";

import { dragged, fullRange, gray, lookup } from "../src/image/window.ts";

// Gray as pydicom.pixels.apply_windowing gives it, scaled from the stored range to 0 ... 255 and rounded.
const CASES = [
  { why: "mid gray of 12 bit", value: 2048, center: 2048, width: 4096, gray: 128 },
  { why: "first value of 12 bit", value: 0, center: 2048, width: 4096, gray: 0 },
  { why: "last value of 12 bit", value: 4095, center: 2048, width: 4096, gray: 255 },
  { why: "below a narrow window", value: 1947, center: 2048, width: 200, gray: 0 },
  { why: "above a narrow window", value: 2148, center: 2048, width: 200, gray: 255 },
  { why: "a quarter into a narrow window", value: 1998, center: 2048, width: 200, gray: 64 },
  { why: "width 1 is a step: below", value: 99, center: 100, width: 1, gray: 0 },
  { why: "width 1 is a step: at the center", value: 100, center: 100, width: 1, gray: 255 },
];

for (const { why, value, center, width, gray: expected } of CASES)
  test(`window: ${why}`, () => {
    assert.equal(gray(value, { center, width }, false), expected);
    assert.equal(gray(value, { center, width }, true), 255 - expected);
  });

test("the table has an opaque gray for each value of 16 bit", () => {
  const table = lookup(16, { center: 32768, width: 65536 }, false);
  assert.equal(table.length, 65536);
  assert.deepEqual([table[0], table[65535]], [0xff000000, 0xffffffff]);
});

test("full range shows the lowest value black and the highest white", () => {
  const window = fullRange(100, 355);
  assert.deepEqual([gray(100, window, false), gray(355, window, false)], [0, 255]);
  assert.equal(fullRange(7, 7).width, 1);
});

test("a drag to the right widens, down raises the center, and the width never falls below 1", () => {
  assert.deepEqual(dragged({ center: 100, width: 50 }, 70, 35, 700), { center: 135, width: 120 });
  assert.equal(dragged({ center: 100, width: 50 }, -1000, 0, 700).width, 1);
});
