import assert from "node:assert/strict";
import { test } from "node:test";

import type { ModelInfo } from "../src/api.ts";
import { change, madeUp, passedOver, remark, spoken, title, unit, withCalibrated, withChange } from "../src/words.ts";

const feature = (title: string, unit: string | null = null) => ({ name: "x", title, unit, kind: "number" as const });
const finding = { id: 0, label: "Effusion", box: [1.2, 2, 3, 4] as const, score: 0.8, now: 0.8, imageOnly: 0.5, added: false };

for (const [meaning, short] of [
  ["Age at the time of the image", "Age"],
  ["Heart rate", "Heart rate"],
  ["Oxygen saturation by pulse oximetry", "Oxygen saturation"],
  ["Pain as the patient rates it, 0 none to 10 worst", "Pain"],
  ["Projection: PA standing at the wall, AP mostly lying in bed", "Projection"],
  ["", "x"],
] as const)
  test(`the form's name of "${meaning}"`, () => assert.equal(title(feature(meaning)), short));

test("units as people write them, others as they are", () => {
  assert.deepEqual(["Cel", "1", null, "mmol/L"].map((code) => unit(feature("", code))), ["°C", "", "", "mmol/L"]);
});

test("a change has its sign, and none is said where two decimals show none", () => {
  assert.deepEqual([0.1234, -0.1, 0.004, -0.004].map(change), ["+0.12", "−0.10", "", ""]);
});

test("a label says the score, its change, and what is new", () => {
  assert.equal(withChange(finding), "Effusion 0.80");
  assert.equal(withChange({ ...finding, now: 0.5 }), "Effusion 0.50 ▼ −0.30");
  assert.equal(withChange({ ...finding, now: 0.9, added: true, score: 0 }), "Effusion 0.90 new");
});

test("the calibrated score belongs to the measured record alone", () => {
  assert.equal(withCalibrated({ ...finding, calibrated: 0.55 }), "0.80, calibrated 0.55");
  assert.equal(withCalibrated({ ...finding, calibrated: 0.55, now: 0.7 }), "0.70");
  assert.equal(withCalibrated({ ...finding, calibrated: null }), "0.80");
});

test("a screen reader is told what the label shows, and where", () => {
  assert.equal(spoken({ ...finding, now: 0.5 }), "Effusion 0.50 ▼ −0.30, box 1, 2, 3, 4");
});

test("a refused value says why, an unseen one what training had", () => {
  const use = { values: {}, used: [], missing: [], refused: { a: "too hot" }, unseen: ["b"], notes: { b: "38 to 99" } };
  assert.deepEqual(["a", "b", "c"].map((name) => remark(use, name)), ["not used: too hot", "38 to 99", null]);
});

test("a model says what of its training was made up", () => {
  const says = (synthetic?: string[]) => madeUp({ card: { training: { synthetic } } } as unknown as ModelInfo);
  assert.equal(says(["images", "findings", "clinical"]), "Trained on synthetic images.");
  assert.equal(says(["clinical"]), "Trained with synthetic records.");
  assert.deepEqual([says([]), says(), madeUp(null)], ["", "", ""]);
});

test("what is passed over of a record is said, but not twice what a field says", () => {
  const notes = { temprature: "temprature is no feature", FHIR: "images without a time", age: "training had 18 to 97" };
  const given = { values: {}, used: [], missing: [], refused: {}, unseen: ["age"], notes };
  const model = { features: [{ name: "age" }] } as unknown as ModelInfo;
  assert.equal(passedOver(given, model), "temprature is no feature; FHIR: images without a time");
  assert.equal(passedOver(null, model), "");
});
