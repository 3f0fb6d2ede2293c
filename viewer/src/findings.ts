/** Boxes of an image with their scores: under the measured record, under the record of the sliders, and without any. */

import type { Box, Detection, WhatIfResult } from "./api.ts";
import type { State } from "./state.ts";
import type { Finding } from "./types.ts";

/** From this overlap on, two boxes of one class are the same finding. */
const SAME = 0.5;

export const findingsOf = (detections: readonly Detection[]): readonly Finding[] =>
  detections.map((detection, id) => ({ ...detection, id, now: detection.score, imageOnly: null, added: false }));

/** The findings with the scores that a changed record gives them, and those that only it gives. */
export function under(result: WhatIfResult, asked: readonly Finding[], known: readonly Finding[]): readonly Finding[] {
  const { scores, others } = scoresOf(asked, result);
  const own = known
    .filter((finding) => !finding.added)
    .map((finding) => ({ ...finding, now: scores.get(finding.id) ?? finding.now }));
  const before = known.filter((finding) => finding.added);
  let id = Math.max(-1, ...known.map((finding) => finding.id));
  const added = others.map((detection) => ({
    ...detection,
    id: before.find((finding) => same(finding, detection))?.id ?? ++id,
    now: detection.score,
    score: 0,
    imageOnly: null,
    added: true,
  }));
  return [...own, ...added];
}

/** The findings with the scores that the image alone gives them. */
export function withoutRecord(result: WhatIfResult, known: readonly Finding[]): readonly Finding[] {
  const { scores } = scoresOf(known, result);
  return known.map((finding) => ({ ...finding, imageOnly: scores.get(finding.id) ?? null }));
}

/**
 * The score of each finding under another record, and what else the model finds then. A finding that the model still
 * finds has the score that the model gives it, also where its box has shifted a little; another the score of its place.
 */
function scoresOf(asked: readonly Finding[], { detections, scores: places }: WhatIfResult) {
  const scores = new Map<number, number>();
  const others: Detection[] = [];
  for (const detection of [...detections].sort((one, other) => other.score - one.score)) {
    const free = asked.filter((finding) => !scores.has(finding.id) && same(finding, detection));
    const [nearest] = free.sort((one, other) => overlap(other.box, detection.box) - overlap(one.box, detection.box));
    if (nearest === undefined) others.push(detection);
    else scores.set(nearest.id, detection.score);
  }
  asked.forEach(({ id }, index) => scores.set(id, scores.get(id) ?? places[index] ?? 0));
  return { scores, others };
}

/** Score from which a class is shown. */
export const thresholdOf = ({ point, threshold }: Pick<State, "point" | "threshold">, label: string): number =>
  point?.thresholds[label] ?? threshold;

/** Whether the sliders have brought a finding's score below the threshold. */
export const faded = (state: Readonly<State>, { label, now }: Finding): boolean => now < thresholdOf(state, label);

/** The findings to show, highest score first. What the sliders take away stays, faded: its going would not be seen. */
export const visible = (state: Readonly<State>): readonly Finding[] =>
  state.findings
    .filter(({ label, now, score }) => !state.hidden.has(label) && Math.max(now, score) >= thresholdOf(state, label))
    .sort((one, other) => other.now - one.now);

/** What to hand on: found under the measured record, never what a slider made of it. */
export const reportable = (state: Readonly<State>): readonly Detection[] =>
  state.findings
    .filter(({ added, label, score }) => !added && !state.hidden.has(label) && score >= thresholdOf(state, label))
    .map(({ label, score, box }) => ({ label, score, box }));

/** The smallest of the boxes that a point of the image lies in. */
export function hit(findings: readonly Finding[], x: number, y: number): Finding | null {
  const inside = findings.filter(({ box }) => x >= box[0] && x <= box[2] && y >= box[1] && y <= box[3]);
  return inside.sort((one, other) => area(one.box) - area(other.box))[0] ?? null;
}

const same = (one: Detection, other: Detection): boolean =>
  one.label === other.label && overlap(one.box, other.box) >= SAME;

const area = (box: Box): number => (box[2] - box[0]) * (box[3] - box[1]);

/** Intersection over union of two boxes. */
export function overlap(one: Box, other: Box): number {
  const width = Math.min(one[2], other[2]) - Math.max(one[0], other[0]);
  const height = Math.min(one[3], other[3]) - Math.max(one[1], other[1]);
  const shared = Math.max(0, width) * Math.max(0, height);
  return shared === 0 ? 0 : shared / (area(one) + area(other) - shared);
}
