import assert from "node:assert/strict";
import { test } from "node:test";

import { centered, fit, resized, toImage, toPane, zoomed } from "../src/image/view.ts";

const image = { width: 400, height: 200 };

test("an image fits its pane and lies in the middle", () => {
  assert.deepEqual(fit(image, { width: 200, height: 300 }), { scale: 0.5, x: 0, y: 100 });
  assert.deepEqual(centered(image, { width: 200, height: 300 }, 1), { scale: 1, x: -100, y: 50 });
});

test("image to pane and back is the same point", () => {
  const view = { scale: 0.37, x: -12.5, y: 80 };
  const there = toPane(view, { x: 123.25, y: 45.5 });
  const back = toImage(view, there);
  assert.ok(Math.abs(back.x - 123.25) < 1e-9 && Math.abs(back.y - 45.5) < 1e-9);
});

for (const factor of [0.5, 1.25, 1000])
  test(`zoom by ${factor} keeps the point below the cursor`, () => {
    const [view, at] = [{ scale: 0.5, x: 10, y: 20 }, { x: 150, y: 70 }];
    const [before, after] = [toImage(view, at), toImage(zoomed(view, at, factor, 0.1), at)];
    assert.ok(Math.hypot(before.x - after.x, before.y - after.y) < 1e-9);
  });

test("zoom has a smallest scale", () => {
  assert.equal(zoomed({ scale: 1, x: 0, y: 0 }, { x: 0, y: 0 }, 0.001, 0.25).scale, 0.25);
});

test("a pane of another size shows the same middle", () => {
  const [view, small, large] = [{ scale: 2, x: 5, y: 7 }, { width: 100, height: 50 }, { width: 300, height: 80 }];
  const middle = toImage(view, { x: 50, y: 25 });
  assert.deepEqual(toImage(resized(view, small, large), { x: 150, y: 40 }), middle);
});
