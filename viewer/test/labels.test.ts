import assert from "node:assert/strict";
import { test } from "node:test";

import type { Box } from "../src/api.ts";
import { LABEL_HEIGHT, placed } from "../src/image/labels.ts";

const view = { scale: 1, x: 0, y: 0 };
const pane = { width: 400, height: 300 };
const mark = (box: Box, focused = false) => ({ box, text: "Effusion 0.50", focused });
const place = (...marks: ReturnType<typeof mark>[]) => placed(marks, view, pane, () => 80);

test("a label stands above its box", () => {
  const [label] = place(mark([50, 100, 150, 200]));
  assert.ok(label!.y + LABEL_HEIGHT <= 100 && label!.x <= 50);
});

test("a label stays inside the pane at every edge", () => {
  for (const box of [[0, 0, 400, 300], [380, 2, 399, 40], [0, 280, 20, 300], [-90, -90, -10, -10]] as unknown as Box[]) {
    const [label] = place(mark(box));
    assert.ok(label!.x >= 0 && label!.x + label!.width <= pane.width, String(box));
  }
});

test("labels of two boxes at one place do not cover each other", () => {
  const [one, other] = place(mark([50, 100, 150, 200]), mark([50, 100, 150, 200]));
  assert.ok(Math.abs(one!.y - other!.y) >= LABEL_HEIGHT || Math.abs(one!.x - other!.x) >= one!.width);
});

test("the focused box has the first choice", () => {
  const [, focused] = place(mark([50, 100, 150, 200]), mark([50, 100, 150, 200], true));
  assert.ok(focused!.y < 100);
});
