/** A category as a row of choices, of which one or none is taken. */

import type { Feature, Value } from "../api.ts";
import { button, h, setAttributes } from "../dom.ts";
import type { Field } from "../types.ts";
import { title } from "../words.ts";

export class Choice implements Field {
  readonly element: HTMLElement;
  private readonly options: readonly HTMLButtonElement[];

  constructor(feature: Feature, take: (value: Value) => void) {
    this.options = (feature.categories ?? []).map((name) => button(name, () => take(name), { "data-value": name }));
    this.element = h("span", { class: "choice", role: "group", "aria-label": title(feature) }, ...this.options);
  }

  show(value: Value, measured: Value): void {
    for (const option of this.options) {
      const name = option.dataset["value"];
      setAttributes(option, { "aria-pressed": String(name === value) });
      option.classList.toggle("measured", name === measured);
    }
  }
}
