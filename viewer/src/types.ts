/** Types that several parts of the page share, so that none has to import another for its types alone. */

import type { Detection, Value } from "./api.ts";

/** A box that is shown, with its scores. */
export interface Finding extends Detection {
  readonly id: number;
  /** Score under the record that the sliders show. */
  readonly now: number;
  /** Score of the same box without any record; null until it is known. */
  readonly imageOnly: number | null;
  /** Found only under a changed record, not under the measured one. */
  readonly added: boolean;
}

/** What shows one value of the record and lets it be changed. */
export interface Field {
  readonly element: HTMLElement;
  /** Shows both values without reporting a change. */
  show(value: Value, measured: Value): void;
}
