/** One picture of the image: a canvas for the gray, above it an SVG for the boxes. */

import { h, svg } from "../dom.ts";
import { BoxLayer, type Mark } from "./boxes.ts";
import { paint } from "./paint.ts";
import type { Pixels } from "./pixels.ts";
import type { Size, View } from "./view.ts";

export class Pane {
  readonly element: HTMLElement;
  readonly boxes: BoxLayer;
  private readonly canvas = h("canvas", { "aria-hidden": "true" });
  private image: ImageData | null = null;

  constructor(caption: string) {
    const overlay = svg("svg", { class: "boxes" });
    this.boxes = new BoxLayer(overlay);
    this.element = h("div", { class: "pane" }, this.canvas, overlay, h("div", { class: "caption" }, caption));
  }

  /** In CSS pixels. */
  get size(): Size {
    return { width: this.element.clientWidth, height: this.element.clientHeight };
  }

  paintImage(pixels: Pixels, view: View, table: Uint32Array): void {
    const ratio = window.devicePixelRatio;
    const [width, height] = [Math.round(this.size.width * ratio), Math.round(this.size.height * ratio)];
    const context = this.canvas.getContext("2d", { alpha: false });
    if (context === null || width === 0 || height === 0) return;
    if (this.image?.width !== width || this.image.height !== height) {
      [this.canvas.width, this.canvas.height] = [width, height];
      this.image = context.createImageData(width, height);
    }
    const onDevice = { scale: view.scale * ratio, x: view.x * ratio, y: view.y * ratio };
    paint(new Uint32Array(this.image.data.buffer), { width, height }, pixels, onDevice, table);
    context.putImageData(this.image, 0, 0);
  }

  /** Draws what the pane shows, gray and boxes, into another canvas of the same scale. */
  drawInto(context: CanvasRenderingContext2D, x: number, marks: readonly Mark[], view: View): void {
    const ratio = window.devicePixelRatio;
    context.drawImage(this.canvas, x * ratio, 0);
    context.save();
    context.scale(ratio, ratio);
    context.translate(x, 0);
    context.beginPath();
    context.rect(0, 0, this.size.width, this.size.height);
    context.clip();
    this.boxes.drawInto(context, marks, view, this.size);
    context.restore();
  }
}
