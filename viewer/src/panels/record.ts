/** The patient's record as a form made from the model's schema; every field of it is a slider for what-if. */

import type { Feature, Value } from "../api.ts";
import { button, byId, h, setAttributes } from "../dom.ts";
import type { Session } from "../session.ts";
import { type App, changes } from "../state.ts";
import { number, passedOver, remark, title, unit, valueText } from "../words.ts";
import { Choice } from "./choice.ts";
import { Gauge } from "./gauge.ts";

export function record(app: App, session: Session): void {
  app.watch(["model"], () => {
    const { model } = app.state;
    byId("record").replaceChildren(...(model?.features ?? []).map((feature) => row(app, session, feature)));
    byId("record-panel").classList.toggle("unused", model?.fused === false);
    byId("no-record").hidden = model?.fused !== false;
  });
  const reset = byId<HTMLButtonElement>("reset-record");
  const keep = byId<HTMLButtonElement>("keep-record");
  keep.addEventListener("click", () => void session.take(app.state.current));
  app.watch(["current", "measured", "model", "image"], () => {
    const moved = changes(app.state).length;
    reset.disabled = keep.disabled = moved === 0;
    byId("record-panel").classList.toggle("what-if", moved > 0);
    const values = moved === 1 ? "1 value differs" : `${moved} values differ`;
    const unmoved = app.state.image === null ? "" : "as measured";
    byId("what-if-state").textContent = moved === 0 ? unmoved : `what-if: ${values}`;
  });
  app.watch(["given", "model"], () => (byId("record-notes").textContent = passedOver(app.state.given, app.state.model)));
  app.watch(["image", "model"], () => (byId<HTMLFieldSetElement>("record").disabled = app.state.image === null));
}

function row(app: App, session: Session, feature: Feature): HTMLElement {
  const take = (value: Value) => session.change(feature.name, value);
  const field = feature.kind === "number" ? new Gauge(feature, take) : new Choice(feature, take);
  const missing = h("input", { type: "checkbox", "aria-label": `${title(feature)} missing`, title: "missing" });
  // What was measured comes back when a value is no longer to be missing.
  const known = () => app.state.measured[feature.name] ?? fallback(feature);
  missing.addEventListener("change", () => take(missing.checked ? null : known()));
  const back = button("↺", () => take(app.state.measured[feature.name] ?? null), { class: "icon" });
  setAttributes(back, { "aria-label": `${title(feature)} back to measured`, title: "back to measured" });
  const [was, note] = [h("span", { class: "was" }), h("div", { class: "remark" })];
  const normal = feature.normal ? `normal ${number(feature.normal[0])}–${number(feature.normal[1])}` : "";
  const range = h("span", { class: "quiet" }, `${normal} ${unit(feature)}`.trim());
  const name = h("span", { class: "name", title: feature.title }, title(feature));
  const element = h("div", { class: "value" }, name, field.element, missing, back, range, was, note);
  app.watch(["current", "measured", "given", "use", "image"], () => {
    const { image, given, use } = app.state;
    const [value, measured] = [app.state.current[feature.name] ?? null, app.state.measured[feature.name] ?? null];
    field.show(value, measured);
    missing.checked = value === null;
    back.hidden = value === measured;
    element.classList.toggle("changed", value !== measured);
    element.classList.toggle("missing", value === null);
    was.textContent = image === null ? "" : measured === null ? "not measured" : `measured ${valueText(measured)}`;
    note.textContent = remark(value === measured ? given : use, feature.name) ?? "";
  });
  return element;
}

/** A value to begin with where none was measured: the middle of what is normal, seen or plausible. */
function fallback({ kind, categories, normal, seen, plausible }: Feature): Value {
  if (kind === "category") return categories?.[0] ?? null;
  const [low, high] = normal ?? (seen ? [seen.min, seen.max] : (plausible ?? [0, 1]));
  return Math.round((low + high) / 2);
}
