/** The findings as a table: score under the record, its change by the sliders, score of the image alone. */

import { button, byId, h } from "../dom.ts";
import { faded, visible } from "../findings.ts";
import type { Session } from "../session.ts";
import type { App } from "../state.ts";
import type { Finding } from "../types.ts";
import { change, score, spoken } from "../words.ts";
import { sample } from "./filters.ts";

export function list(app: App, session: Session): void {
  const body = byId("findings");
  app.watch(["findings", "threshold", "point", "hidden", "focus", "image", "detecting", "model"], () => {
    const { state } = app;
    const shown = visible(state);
    const focused = body.contains(document.activeElement) ? document.activeElement?.getAttribute("data-id") : null;
    body.replaceChildren(...shown.map((finding) => row(app, session, finding)));
    if (focused) body.querySelector<HTMLElement>(`button[data-id="${focused}"]`)?.focus();
    byId("findings-count").textContent = state.image === null ? "" : `${shown.length} of ${state.findings.length} shown`;
    byId("no-findings").textContent = nothing(app, shown.length);
  });
}

function nothing({ state }: App, shown: number): string {
  if (shown > 0 || state.image === null) return "";
  if (state.detecting) return "The model looks at the image …";
  return state.findings.length > 0 ? "None from this score on in these classes." : "The model marks nothing.";
}

function row({ state }: App, session: Session, finding: Finding): HTMLTableRowElement {
  const classes = state.model?.classes ?? [];
  const index = Math.max(0, classes.findIndex(({ name }) => name === finding.label));
  const focused = finding.id === state.focus;
  const name = button("", () => session.focus(focused ? null : finding.id), {
    "data-id": finding.id,
    "aria-pressed": String(focused),
    "aria-label": spoken(finding),
  });
  name.append(sample(classes[index]?.color ?? "#c8c8c8", index), h("span", { class: "name" }, finding.label));
  const by = finding.added ? "new" : change(finding.now - finding.score);
  const direction = by === "" ? "" : by === "new" || by.startsWith("+") ? "up" : "down";
  return h(
    "tr",
    { class: [focused && "focused", faded(state, finding) && "faded"].filter(Boolean).join(" ") },
    h("td", {}, name),
    h("td", { class: "number strong" }, score(finding.now)),
    h("td", { class: `number change ${direction}` }, by),
    h("td", { class: "number quiet" }, finding.imageOnly === null ? "" : score(finding.imageOnly)),
  );
}
