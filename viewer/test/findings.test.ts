import assert from "node:assert/strict";
import { test } from "node:test";

import type { Box, Detection, WhatIfResult } from "../src/api.ts";
import { faded, findingsOf, hit, overlap, reportable, under, visible, withoutRecord } from "../src/findings.ts";
import { newApp } from "../src/state.ts";

const found = (label: string, score: number, ...box: number[]): Detection => ({ label, score, box: box as unknown as Box });
const measured = [found("Effusion", 0.8, 0, 0, 10, 10), found("Atelectasis", 0.2, 50, 50, 60, 60)];
const clinical = { values: {}, used: [], missing: [], refused: {}, unseen: [], notes: {} };
const answer = (scores: (number | null)[], ...detections: Detection[]): WhatIfResult => ({ clinical, scores, detections });

test("what-if changes the score of each box and keeps the measured one", () => {
  const known = findingsOf(measured);
  const now = under(answer([0.1, 0.7]), known, known);
  assert.deepEqual(now.map(({ score, now }) => [score, now]), [[0.8, 0.1], [0.2, 0.7]]);
});

test("what only the changed record finds is added, and keeps its id as long as it is found", () => {
  const known = findingsOf(measured);
  const first = under(answer([0.8, 0.2], found("Effusion", 0.9, 30, 30, 40, 40)), known, known);
  assert.deepEqual([first.length, first[2]!.added, first[2]!.id], [3, true, 2]);
  const second = under(answer([0.8, 0.2], found("Effusion", 0.6, 31, 30, 41, 40)), known, first);
  assert.deepEqual([second[2]!.id, second[2]!.now], [2, 0.6]);
  assert.equal(under(answer([0.8, 0.2]), known, second).length, 2);
});

test("the same box of the same class is no new finding, of another class it is", () => {
  const known = findingsOf(measured);
  assert.equal(under(answer([0.8, 0.2], found("Effusion", 0.8, 1, 0, 10, 10)), known, known).length, 2);
  assert.equal(under(answer([0.8, 0.2], found("Nodule", 0.8, 1, 0, 10, 10)), known, known).length, 3);
});

test("a finding that is still found has the score of its shifted box, not that of its old place", () => {
  const known = findingsOf(measured);
  const [still] = under(answer([0.2, 0.2], found("Effusion", 0.7, 1, 0, 10, 10)), known, known);
  assert.equal(still!.now, 0.7);
});

test("two boxes at one finding are the finding and another one: nothing that the model finds is hidden", () => {
  const known = findingsOf(measured);
  const twice = [found("Effusion", 0.7, 0, 0, 10, 10), found("Effusion", 0.6, 0, 0, 10, 9)];
  assert.deepEqual(under(answer([0.7, 0.2], ...twice), known, known).map(({ now }) => now), [0.7, 0.2, 0.6]);
});

test("the image's own score is that of the same box where the image alone has it", () => {
  const alone = withoutRecord(answer([0.3, null], found("Effusion", 0.5, 0, 0, 10, 10)), findingsOf(measured));
  assert.deepEqual(alone.map(({ imageOnly }) => imageOnly), [0.5, 0]);
});

test("a finding that a slider takes below the threshold stays in sight, faded, and is still reported", () => {
  const app = newApp();
  const known = findingsOf(measured);
  app.set({ findings: under(answer([0.1, 0.2]), known, known), threshold: 0.5 });
  const [shown] = visible(app.state);
  assert.equal(shown!.label, "Effusion");
  assert.ok(faded(app.state, shown!));
  assert.deepEqual(reportable(app.state), [measured[0]]);
});

test("a finding that only a slider makes is shown and never reported", () => {
  const app = newApp();
  const known = findingsOf(measured);
  app.set({ findings: under(answer([0.8, 0.9]), known, known), threshold: 0.5 });
  assert.equal(visible(app.state).length, 2);
  assert.deepEqual(reportable(app.state), [measured[0]]);
});

test("an operating point has a threshold per class, and hidden classes are neither shown nor reported", () => {
  const app = newApp();
  app.set({ findings: findingsOf(measured), point: { name: "p", thresholds: { Effusion: 0.9, Atelectasis: 0.1 } } });
  assert.deepEqual(visible(app.state).map(({ label }) => label), ["Atelectasis"]);
  app.set({ hidden: new Set(["Atelectasis"]) });
  assert.deepEqual([visible(app.state), reportable(app.state)], [[], []]);
});

test("a click takes the smallest box below it", () => {
  const nested = findingsOf([found("A", 0.9, 0, 0, 100, 100), found("B", 0.5, 40, 40, 60, 60)]);
  assert.deepEqual([hit(nested, 50, 50)?.label, hit(nested, 5, 5)?.label, hit(nested, 200, 5)], ["B", "A", null]);
});

test("overlap of boxes that touch, are equal, and share a third", () => {
  assert.equal(overlap([0, 0, 1, 1], [1, 0, 2, 1]), 0);
  assert.equal(overlap([0, 0, 2, 2], [0, 0, 2, 2]), 1);
  assert.equal(overlap([0, 0, 2, 1], [1, 0, 3, 1]), 1 / 3);
});
