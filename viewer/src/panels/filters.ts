/** Which boxes are shown: from which score on, and of which classes. */

import type { ClassInfo, OperatingPoint } from "../api.ts";
import { byId, h, svg } from "../dom.ts";
import { thresholdOf } from "../findings.ts";
import { lineStyle } from "../image/lines.ts";
import type { App } from "../state.ts";
import { score } from "../words.ts";

export function filters(app: App): void {
  const slider = byId<HTMLInputElement>("threshold");
  slider.addEventListener("input", () => app.set({ threshold: slider.valueAsNumber, point: null }));
  const points = byId<HTMLSelectElement>("point");
  points.addEventListener("change", () => {
    const point = app.state.model?.operating?.points.find(({ name }) => name === points.value) ?? null;
    app.set({ point });
  });
  app.watch(["model"], () => {
    const saved = app.state.model?.operating?.points ?? [];
    const own = h("option", { value: "" }, saved.length > 0 ? "own threshold" : "none saved");
    points.replaceChildren(own, ...saved.map(({ name }) => h("option", { value: name }, name)));
    points.disabled = saved.length === 0;
    byId("classes").replaceChildren(...(app.state.model?.classes ?? []).map((item, index) => row(app, item, index)));
  });
  app.watch(["threshold", "point", "model"], () => {
    const { threshold, point } = app.state;
    slider.value = String(threshold);
    points.value = point?.name ?? "";
    byId("threshold-value").textContent = point === null ? score(threshold) : "per class";
    byId("point-says").textContent = point === null ? "" : measured(point);
  });
}

/** What an operating point gave on the validation images. */
function measured({ sensitivity, false_positives_per_image: falsePositives }: OperatingPoint): string {
  const parts = [
    sensitivity == null ? "" : `sensitivity ${score(sensitivity)}`,
    falsePositives == null ? "" : `${score(falsePositives)} false boxes an image`,
  ].filter(Boolean);
  return parts.length > 0 ? `${parts.join(", ")} on validation images` : "";
}

function row(app: App, { name, color }: ClassInfo, index: number): HTMLLIElement {
  const box = h("input", { type: "checkbox", checked: true });
  const from = h("span", { class: "quiet number" });
  box.addEventListener("change", () => {
    const hidden = new Set(app.state.hidden);
    if (box.checked) hidden.delete(name);
    else hidden.add(name);
    app.set({ hidden });
  });
  app.watch(["hidden"], () => (box.checked = !app.state.hidden.has(name)));
  app.watch(["threshold", "point"], () => (from.textContent = `≥ ${score(thresholdOf(app.state, name))}`));
  return h("li", {}, h("label", {}, box, sample(color, index), h("span", { class: "name" }, name), from));
}

/** A piece of the line that boxes of a class are drawn with. */
export function sample(color: string, index: number): SVGSVGElement {
  const { color: stroke, dashes } = lineStyle(color, index);
  const ends = { x1: 0, y1: 6, x2: 28, y2: 6 };
  const line = svg("line", { ...ends, stroke, "stroke-width": 3, "stroke-dasharray": dashes });
  return svg("svg", { class: "sample", width: 28, height: 12, "aria-hidden": "true" }, line);
}
