/** Where the labels of boxes go: at their box, inside the pane, and not on each other as long as there is room. */

import type { Box } from "../api.ts";
import type { Size, View } from "./view.ts";

export interface Label {
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

export const LABEL_HEIGHT = 18;
export const FONTS = '"Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, system-ui, sans-serif';
export const LABEL_FONT = `600 12px ${FONTS}`;
/** Width of the strip in the class color. */
export const BAR = 4;

interface Labeled {
  readonly box: Box;
  readonly text: string;
  readonly focused: boolean;
}

/** A place for each label, those of focused boxes first, then in the order given. */
export function placed(marks: readonly Labeled[], view: View, pane: Size, width = textWidth): readonly Label[] {
  const taken: Label[] = [];
  const places = new Map<Labeled, Label>();
  for (const mark of [...marks].sort((one, other) => Number(other.focused) - Number(one.focused))) {
    const candidates = around(mark.box, width(mark.text) + BAR + 9, view, pane);
    const label = candidates.find((place) => !taken.some((other) => meet(place, other))) ?? candidates[0]!;
    taken.push(label);
    places.set(mark, label);
  }
  return marks.map((mark) => places.get(mark)!);
}

/** Above, below, inside at the top and at the bottom, then further off; from the left edge, then from the right one. */
function around([x1, y1, x2, y2]: Box, width: number, { scale, x, y }: View, pane: Size): readonly Label[] {
  const [left, top, right, bottom] = [x1 * scale + x, y1 * scale + y, x2 * scale + x, y2 * scale + y];
  const row = LABEL_HEIGHT + 1;
  const beside = [top - row, bottom + 1, top + 1, bottom - row];
  const rows = [...beside, top - 2 * row, bottom + 1 + row, top - 3 * row, bottom + 1 + 2 * row];
  const inside = rows.filter((row) => row >= 0 && row + LABEL_HEIGHT <= pane.height);
  return (inside.length > 0 ? inside : rows).flatMap((row) =>
    [left - 1, right + 1 - width].map((column) => ({
      x: Math.max(0, Math.min(pane.width - width, column)),
      y: row,
      width,
    })),
  );
}

const meet = (one: Label, other: Label): boolean =>
  Math.abs(one.y - other.y) < LABEL_HEIGHT && one.x < other.x + other.width && other.x < one.x + one.width;

let ruler: CanvasRenderingContext2D | null = null;

function textWidth(text: string): number {
  ruler ??= document.createElement("canvas").getContext("2d");
  if (ruler === null) return text.length * 7;
  ruler.font = LABEL_FONT;
  return ruler.measureText(text).width;
}
