/** A number as slider and text: its normal range as a band, the measured value as a tick that stays. */

import type { Feature, Value } from "../api.ts";
import { h, setAttributes, svg } from "../dom.ts";
import type { Field } from "../types.ts";
import { number, title, unit } from "../words.ts";

export class Gauge implements Field {
  readonly element: HTMLElement;
  private readonly slider: HTMLInputElement;
  private readonly text: HTMLInputElement;
  private readonly band = svg("rect", { class: "band", y: 0, height: 6 });
  private readonly tick = svg("rect", { class: "tick", y: -5, width: 2, height: 16 });
  private low: number;
  private high: number;

  constructor(
    private readonly feature: Feature,
    take: (value: Value) => void,
  ) {
    [this.low, this.high] = span(feature);
    const [name, step] = [title(feature), stepOf(feature)];
    this.slider = h("input", { type: "range", min: this.low, max: this.high, step, "aria-label": name });
    this.text = h("input", { type: "number", step: "any", placeholder: "missing", "aria-label": `${name}, typed` });
    setAttributes(this.text, { min: feature.plausible?.[0] ?? null, max: feature.plausible?.[1] ?? null });
    this.slider.addEventListener("input", () => take(this.slider.valueAsNumber));
    this.text.addEventListener("change", () => {
      if (this.text.value === "") take(null);
      else if (!Number.isNaN(this.text.valueAsNumber)) take(this.text.valueAsNumber);
    });
    const rail = svg("rect", { class: "rail", y: 1, width: "100%", height: 4, rx: 2 });
    const track = svg("svg", { class: "track", "aria-hidden": "true" }, rail, this.band, this.tick);
    this.element = h("span", { class: "gauge" }, h("span", { class: "slide" }, track, this.slider), this.text);
  }

  show(value: Value, measured: Value): void {
    const [now, was] = [asNumber(value), asNumber(measured)];
    this.widen(now, was);
    // Where nothing is known the thumb rests in the middle, and is drawn as not being there.
    this.slider.value = String(now ?? (this.low + this.high) / 2);
    setAttributes(this.slider, { "aria-valuetext": now === null ? "missing" : `${number(now)} ${unit(this.feature)}` });
    if (document.activeElement !== this.text || now === null) this.text.value = now === null ? "" : number(now);
    setAttributes(this.tick, was === null ? { visibility: "hidden" } : { x: `${this.share(was)}%`, visibility: null });
    const { normal } = this.feature;
    if (!normal) return;
    const [from, to] = normal.map((edge) => Math.min(100, Math.max(0, this.share(edge)))) as [number, number];
    setAttributes(this.band, { x: `${from}%`, width: `${to - from}%` });
  }

  private widen(...values: readonly (number | null)[]): void {
    const known = values.filter((value) => value !== null);
    this.low = Math.min(this.low, ...known.map(Math.floor));
    this.high = Math.max(this.high, ...known.map(Math.ceil));
    setAttributes(this.slider, { min: this.low, max: this.high });
  }

  private share = (value: number): number => (100 * (value - this.low)) / (this.high - this.low);
}

/** What training saw and what is normal; else what is plausible. A slider of 25 to 45 °C would be too coarse. */
function span({ seen, normal, plausible }: Feature): readonly [number, number] {
  const ends = [seen ? [seen.min, seen.max] : [], normal ?? []].flat();
  const [low, high] = plausible ?? [0, 1];
  if (!seen || ends.length === 0) return [low, high];
  return [Math.max(low, Math.floor(Math.min(...ends))), Math.min(high, Math.ceil(Math.max(...ends)))];
}

/** Whole numbers for counts, scales and wide ranges, tenths else. */
const stepOf = ({ unit: code, plausible }: Feature): number =>
  code === "1" || (plausible !== null && plausible !== undefined && plausible[1] - plausible[0] > 60) ? 1 : 0.1;

const asNumber = (value: Value): number | null => (typeof value === "number" ? value : null);
