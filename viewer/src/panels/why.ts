/** What each clinical value adds to the score of the focused box: Shapley values as bars around zero. */

import type { Explanation, Feature, Value, Values } from "../api.ts";
import { byId, h, svg } from "../dom.ts";
import type { App } from "../state.ts";
import type { Finding } from "../types.ts";
import { change, score, title, valueText, withCalibrated } from "../words.ts";

export function why(app: App): void {
  app.watch(["focus", "explanation", "findings", "current", "model"], () => {
    const { focus, findings, explanation, model } = app.state;
    const finding = findings.find(({ id }) => id === focus);
    const box = explanation?.boxes[0];
    byId("why-title").textContent = finding === undefined ? "" : `${finding.label} ${withCalibrated(finding)}`;
    byId("why-help").hidden = finding !== undefined;
    byId("why-waits").hidden = finding === undefined || box !== undefined || model?.fused === false;
    const stale = explanation?.record !== app.state.current;
    byId("why").classList.toggle("stale", stale);
    byId("why-sum").hidden = box === undefined;
    byId("why").replaceChildren(...(box === undefined ? [] : bars(app, box, explanation!.record)));
    if (explanation === null || box === undefined || finding === undefined) return;
    const how = explanation.exact ? "exact over all combinations of values" : "estimated from samples of combinations";
    const sum = `At this very place: no record ${score(box.baseline)} → with record ${score(box.full)}.`;
    const parts = [sum, stale ? "" : elsewhere(finding, box), `Shapley values, ${how}.`];
    byId("why-sum").textContent = parts.filter(Boolean).join(" ");
  });
}

/** Why the list has other numbers, where it has: it follows the model's box, the explanation stays at one place. */
function elsewhere({ now, imageOnly }: Finding, { baseline, full }: Explanation["boxes"][number]): string {
  const same = score(now) === score(full) && (imageOnly === null || score(imageOnly) === score(baseline));
  return same ? "" : "The list follows the model's own box, which lies a little differently under each record.";
}

function bars({ state }: App, { values }: Explanation["boxes"][number], record: Values): readonly HTMLElement[] {
  const widest = Math.max(0.01, ...Object.values(values).map(Math.abs));
  return [...(state.model?.features ?? [])]
    .sort((one, other) => Math.abs(values[other.name] ?? 0) - Math.abs(values[one.name] ?? 0))
    .map((feature) => bar(record[feature.name], feature, values[feature.name] ?? 0, widest));
}

function bar(value: Value | undefined, feature: Feature, adds: number, widest: number): HTMLElement {
  const length = (50 * Math.abs(adds)) / widest;
  const rect = svg("rect", {
    class: adds < 0 ? "lowers" : "raises",
    x: `${adds < 0 ? 50 - length : 50}%`,
    y: 2,
    width: `${length}%`,
    height: 10,
  });
  const zero = svg("line", { class: "zero", x1: "50%", x2: "50%", y1: 0, y2: 14 });
  return h(
    "li",
    {},
    h("span", { class: "name" }, title(feature)),
    h("span", { class: "quiet number" }, valueText(value)),
    svg("svg", { class: "effect", "aria-hidden": "true" }, rect, zero),
    h("span", { class: "number" }, change(adds) || "0.00"),
  );
}
