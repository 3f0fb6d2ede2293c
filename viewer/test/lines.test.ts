import assert from "node:assert/strict";
import { test } from "node:test";

import { lineStyle, luminance, onDark } from "../src/image/lines.ts";

const parts = (color: string) => [1, 3, 5].map((start) => parseInt(color.slice(start, start + 2), 16));

/** WCAG's contrast with the darkest and the lightest ground that lines are drawn on: black, and a panel. */
const contrasts = (color: string) =>
  ["#000000", "#14181c"].map((ground) => (luminance(parts(color)) + 0.05) / (luminance(parts(ground)) + 0.05));

test("luminance is that of WCAG", () => {
  assert.deepEqual([luminance([0, 0, 0]), luminance([255, 255, 255])].map((value) => value.toFixed(4)), ["0.0000", "1.0000"]);
  assert.equal(luminance(parts("#777777")).toFixed(3), "0.184"); // 4.48 to 1 on white, as WebAIM says
});

test("a line of any class stands out 4.5 to 1, and a bright color stays what it is", () => {
  for (const color of ["#0068a3", "#000000", "#7f0000", "#00007f"])
    assert.ok(Math.min(...contrasts(onDark(color))) >= 4.5, color);
  assert.equal(onDark("#f0e442"), "#f0e442");
});

test("classes differ without any color, too", () => {
  assert.equal(new Set([0, 1, 2, 3, 4, 5, 6, 7].map((index) => lineStyle("#c8c8c8", index).dashes)).size, 8);
});
