/** How scores, units and values are written, in one place. */

import type { Feature, ModelInfo, RecordUse, Value } from "./api.ts";
import type { Finding } from "./types.ts";

/** How people write the UCUM codes of chest X-ray records; other codes are shown as they are. */
const UNITS: Readonly<Record<string, string>> = { a: "years", Cel: "°C", "[degF]": "°F", "mm[Hg]": "mmHg", "1": "" };

export const unit = (feature: Feature): string => UNITS[feature.unit ?? "1"] ?? feature.unit ?? "";

export const score = (value: number): string => value.toFixed(2);

/** With its sign; nothing where two decimals do not show a change. */
export function change(by: number): string {
  const text = by.toFixed(2);
  if (Number(text) === 0) return "";
  return by > 0 ? `+${text}` : `−${text.slice(1)}`;
}

/** As written beside a box: "Effusion 0.61 ▲ +0.12". */
export function withChange({ label, now, score: measured, added }: Finding): string {
  if (added) return `${label} ${score(now)} new`;
  const moved = change(now - measured);
  if (moved === "") return `${label} ${score(now)}`;
  return `${label} ${score(now)} ${now > measured ? "▲" : "▼"} ${moved}`;
}

/** What a screen reader says: first what is seen, so that one who speaks to the computer can name it. */
export function spoken(finding: Finding): string {
  const place = `box ${finding.box.map(Math.round).join(", ")}`;
  return `${withChange(finding)}${finding.added ? ", not found under the measured record" : ""}, ${place}`;
}

/** The score, and how likely that makes a hit, where that was fitted and no slider has moved the score. */
export function withCalibrated({ now, score: measured, calibrated }: Finding): string {
  const known = calibrated !== null && calibrated !== undefined && now === measured;
  return known ? `${score(now)}, calibrated ${score(calibrated)}` : score(now);
}

/** At most two decimals, without trailing zeros. */
export const number = (value: number): string => String(Math.round(value * 100) / 100);

export const valueText = (value: Value | undefined): string =>
  value === null || value === undefined ? "missing" : typeof value === "number" ? number(value) : value;

/** The first words of what a feature means: "Oxygen saturation by pulse oximetry" is too long for a form. */
export const title = (feature: Feature): string =>
  /^.*?(?=[,:(]| as | at | by | of the |$)/.exec(feature.title)?.[0].trim() || feature.name;

/** Why a value was not used, or that training had none like it; null where there is nothing to say. */
export function remark(use: RecordUse | null, name: string): string | null {
  const refused = use?.refused[name];
  if (refused !== undefined) return `not used: ${refused}`;
  return use?.unseen.includes(name) ? (use.notes[name] ?? "training had no such value") : null;
}

/** What of the model's training was made up; empty where nothing was. */
export function madeUp(model: ModelInfo | null): string {
  const parts = model?.card.training.synthetic ?? [];
  if (parts.includes("images")) return "Trained on synthetic images.";
  const named = parts.map((part) => (part === "clinical" ? "records" : part));
  return named.length === 0 ? "" : `Trained with synthetic ${named.join(" and ")}.`;
}

/** What of a record is about none of the model's features, such as a name that it does not know. */
export function passedOver(given: RecordUse | null, model: ModelInfo | null): string {
  const features = new Set(model?.features.map(({ name }) => name));
  const notes = Object.entries(given?.notes ?? {}).filter(([name]) => !features.has(name));
  return notes.map(([name, note]) => (note.includes(name) ? note : `${name}: ${note}`)).join("; ");
}
