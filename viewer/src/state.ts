/** What the page knows: model, worklist, image, record, findings, and how they are looked at. */

import type { Detection, Explanation, ImageInfo, ListedImage, ModelInfo, OperatingPoint } from "./api.ts";
import type { RecordUse, Values } from "./api.ts";
import type { Pixels } from "./image/pixels.ts";
import type { View } from "./image/view.ts";
import type { Window } from "./image/window.ts";
import { Store } from "./store.ts";
import type { Finding } from "./types.ts";

/** Where an image comes from: a file of this computer, or the server's worklist. */
export type Source =
  | { readonly kind: "file"; readonly name: string; readonly file: Blob; readonly clinical: string | null }
  | { readonly kind: "worklist"; readonly name: string; readonly image: ListedImage };

export interface OpenImage {
  readonly source: Source;
  readonly info: ImageInfo;
  readonly pixels: Pixels;
}

export interface State {
  model: ModelInfo | null;
  sources: readonly Source[];
  /** The one chosen: it may still be on its way. */
  source: Source | null;
  image: OpenImage | null;
  /** True while the model looks at the image. */
  detecting: boolean;
  /** The patient's own values, and those that the sliders show: null is missing. */
  measured: Values;
  current: Values;
  /** How the given record was used, with what could not be taken from it, and how that of the sliders was. */
  given: RecordUse | null;
  use: RecordUse | null;
  findings: readonly Finding[];
  imageOnly: readonly Detection[];
  focus: number | null;
  /** Of the box that has the focus, under the record of the sliders or the one just before. */
  explanation: (Explanation & { readonly record: Values }) | null;
  threshold: number;
  point: OperatingPoint | null;
  hidden: ReadonlySet<string>;
  boxes: boolean;
  window: Window;
  invert: boolean;
  /** Null: the whole image in the pane. */
  view: View | null;
  tool: "window" | "pan";
  compare: boolean;
  message: { readonly text: string; readonly fix: string | null } | null;
  /** Time from a slider's last move to the new scores on screen, in milliseconds. */
  answeredIn: number | null;
}

export type App = Store<State>;

export const newApp = (): App =>
  new Store<State>({
    model: null,
    sources: [],
    source: null,
    image: null,
    detecting: false,
    measured: {},
    current: {},
    given: null,
    use: null,
    findings: [],
    imageOnly: [],
    focus: null,
    explanation: null,
    threshold: 0.3,
    point: null,
    hidden: new Set(),
    boxes: true,
    window: { center: 128, width: 256 },
    invert: false,
    view: null,
    tool: "window",
    compare: false,
    message: null,
    answeredIn: null,
  });

/** Names of the values that the sliders have moved away from the measured ones. */
export function changes({ model, measured, current }: Readonly<State>): readonly string[] {
  const names = model?.features.map((feature) => feature.name) ?? [];
  return names.filter((name) => (measured[name] ?? null) !== (current[name] ?? null));
}
