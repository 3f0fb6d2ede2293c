/** Boxes over an image: as SVG elements that can be clicked, reached by Tab and read aloud, or drawn into a picture. */

import type { Box } from "../api.ts";
import { setAttributes, svg } from "../dom.ts";
import { BAR, type Label, LABEL_FONT, LABEL_HEIGHT, placed } from "./labels.ts";
import type { LineStyle } from "./lines.ts";
import type { Size, View } from "./view.ts";

/** A box as it is drawn. */
export interface Mark {
  readonly id: number;
  readonly box: Box;
  readonly text: string;
  /** What a screen reader says. */
  readonly spoken: string;
  readonly line: LineStyle;
  readonly focused: boolean;
  readonly faded: boolean;
}

interface Drawn {
  readonly outline: SVGGElement;
  readonly halo: SVGRectElement;
  readonly line: SVGRectElement;
  readonly label: SVGGElement;
  readonly ground: SVGRectElement;
  readonly bar: SVGRectElement;
  readonly text: SVGTextElement;
}

export class BoxLayer {
  private readonly drawn = new Map<number, Drawn>();
  private readonly outlines = svg("g", { "aria-hidden": "true" });
  /** Above all lines: a line through a label would make another number of it. */
  private readonly labels = svg("g");

  constructor(overlay: SVGSVGElement) {
    overlay.append(this.outlines, this.labels);
  }

  /** Keeps the elements of a box that stays, so that it keeps the keyboard's focus. */
  show(marks: readonly Mark[], view: View, pane: Size): void {
    const kept = new Set(marks.map(({ id }) => id));
    for (const [id, { outline, label }] of this.drawn) {
      if (kept.has(id)) continue;
      outline.remove();
      label.remove();
      this.drawn.delete(id);
    }
    const labels = placed(marks, view, pane);
    marks.forEach((mark, index) => this.place(mark, onPane(mark.box, view), labels[index]!));
    // The first mark is drawn last, over the others.
    this.outlines.append(...marks.map(({ id }) => this.drawn.get(id)!.outline).reverse());
  }

  private place(mark: Mark, [x, y, width, height]: Place, label: Label): void {
    const drawn = this.drawn.get(mark.id) ?? this.add(mark.id);
    const { color, dashes } = mark.line;
    const state = [mark.focused && "focused", mark.faded && "faded"].filter(Boolean).join(" ");
    setAttributes(drawn.outline, { class: `outline ${state}` });
    setAttributes(drawn.halo, { x, y, width, height });
    setAttributes(drawn.line, { x, y, width, height, stroke: color, "stroke-dasharray": dashes });
    const pressed = String(mark.focused);
    setAttributes(drawn.label, { "aria-label": mark.spoken, "aria-pressed": pressed, class: `box ${state}` });
    setAttributes(drawn.ground, { x: label.x, y: label.y, width: label.width, height: LABEL_HEIGHT });
    setAttributes(drawn.bar, { x: label.x, y: label.y, width: BAR, height: LABEL_HEIGHT, fill: color });
    setAttributes(drawn.text, { x: label.x + BAR + 4, y: label.y + LABEL_HEIGHT - 5 });
    drawn.text.textContent = mark.text;
  }

  private add(id: number): Drawn {
    const [halo, line, ground, bar] = [0, 1, 2, 3].map(() => svg("rect")) as [Rect, Rect, Rect, Rect];
    const text = svg("text");
    const [outline, label] = [svg("g", { "data-id": id }), svg("g", { "data-id": id, tabindex: 0, role: "button" })];
    Object.entries({ halo, line, ground }).forEach(([name, part]) => part.setAttribute("class", name));
    outline.append(halo, line);
    label.append(ground, bar, text);
    this.labels.append(label);
    const drawn = { outline, halo, line, label, ground, bar, text };
    this.drawn.set(id, drawn);
    return drawn;
  }

  drawInto(context: CanvasRenderingContext2D, marks: readonly Mark[], view: View, pane: Size): void {
    const labels = placed(marks, view, pane);
    for (const mark of [...marks].reverse()) drawBox(context, mark, onPane(mark.box, view));
    marks.forEach((mark, index) => drawLabel(context, mark, labels[index]!));
  }
}

type Rect = SVGRectElement;
type Place = readonly [x: number, y: number, width: number, height: number];

function drawBox(context: CanvasRenderingContext2D, { line, focused, faded }: Mark, place: Place): void {
  context.setLineDash([]);
  [context.lineWidth, context.strokeStyle] = [focused ? 7 : 4, "rgb(0 0 0 / 65%)"];
  context.strokeRect(...place);
  context.globalAlpha = faded ? 0.7 : 1;
  context.setLineDash(line.dashes.split(" ").filter(Boolean).map(Number));
  [context.lineWidth, context.strokeStyle] = [focused ? 3.5 : faded ? 1 : 2, line.color];
  context.strokeRect(...place);
  context.globalAlpha = 1;
}

function drawLabel(context: CanvasRenderingContext2D, { line, text, faded }: Mark, { x, y, width }: Label): void {
  context.font = LABEL_FONT;
  context.fillStyle = "rgb(8 10 12 / 88%)";
  context.fillRect(x, y, width, LABEL_HEIGHT);
  context.fillStyle = line.color;
  context.fillRect(x, y, BAR, LABEL_HEIGHT);
  context.fillStyle = faded ? "#9aa6b0" : "#eef2f5";
  context.fillText(text, x + BAR + 4, y + LABEL_HEIGHT - 5);
}

function onPane([x1, y1, x2, y2]: Box, { scale, x, y }: View): Place {
  return [x1 * scale + x, y1 * scale + y, (x2 - x1) * scale, (y2 - y1) * scale];
}
