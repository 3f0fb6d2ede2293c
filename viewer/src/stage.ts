/** The middle of the page: the image in one pane, or with the record beside without it, and what is written around. */

import type { Detection } from "./api.ts";
import { byId } from "./dom.ts";
import { faded, hit, thresholdOf, visible } from "./findings.ts";
import type { Mark } from "./image/boxes.ts";
import { listen } from "./image/gestures.ts";
import { lineStyle } from "./image/lines.ts";
import { Pane } from "./image/pane.ts";
import { centered, fit, panned, type Point, resized, type Size, toImage, type View, zoomed } from "./image/view.ts";
import { dragged, fullRange, lookup } from "./image/window.ts";
import type { Session } from "./session.ts";
import type { App } from "./state.ts";
import { score, spoken, withChange } from "./words.ts";

export class Stage {
  readonly fused = new Pane("with record");
  readonly alone = new Pane("image only");
  private readonly element = byId("stage");
  private queued = false;
  private size: Size = { width: 0, height: 0 };

  constructor(
    private readonly app: App,
    private readonly session: Session,
  ) {
    byId("panes").append(this.fused.element, this.alone.element);
    for (const pane of [this.fused, this.alone]) this.listenTo(pane);
    new ResizeObserver(() => this.fitToPane()).observe(this.fused.element);
    app.watch(["compare", "image", "source", "model"], () => this.arrange());
    app.watch(
      ["image", "window", "invert", "view", "findings", "imageOnly", "focus", "threshold", "point", "hidden", "boxes"],
      () => this.draw(),
    );
  }

  /** Where the image lies now, in CSS pixels of a pane. */
  get view(): View {
    const { view, image } = this.app.state;
    return view ?? fit(image?.info ?? { width: 1, height: 1 }, this.fused.size);
  }

  marks = (): readonly Mark[] => {
    const { state } = this.app;
    if (!state.boxes) return [];
    return visible(state).map((finding) => ({
      id: finding.id,
      box: finding.box,
      text: withChange(finding),
      spoken: spoken(finding),
      line: this.line(finding.label),
      focused: finding.id === state.focus,
      faded: faded(state, finding),
    }));
  };

  marksWithoutRecord = (): readonly Mark[] => {
    const { state } = this.app;
    if (!state.boxes) return [];
    const shown = ({ label, score: value }: Detection) =>
      !state.hidden.has(label) && value >= thresholdOf(state, label);
    return state.imageOnly.filter(shown).map(({ box, label, score: value }, id) => ({
      id,
      box,
      text: `${label} ${score(value)}`,
      spoken: `${label} ${score(value)} by the image alone`,
      line: this.line(label),
      focused: false,
      faded: false,
    }));
  };

  zoom(factor: number, at: Point = { x: this.fused.size.width / 2, y: this.fused.size.height / 2 }): void {
    const { image } = this.app.state;
    if (image === null) return;
    const whole = fit(image.info, this.fused.size);
    const view = zoomed(this.view, at, factor, Math.min(whole.scale, 1));
    this.app.set({ view: view.scale <= whole.scale ? null : view });
  }

  /** One pixel of the image is one of the screen, and lies exactly on it. */
  actualSize(): void {
    const { image } = this.app.state;
    if (image === null) return;
    const ratio = window.devicePixelRatio;
    const { scale, x, y } = centered(image.info, this.fused.size, 1 / ratio);
    this.app.set({ view: { scale, x: Math.round(x * ratio) / ratio, y: Math.round(y * ratio) / ratio } });
  }

  pan(dx: number, dy: number): void {
    if (this.app.state.image !== null) this.app.set({ view: panned(this.view, dx, dy) });
  }

  moveWindow(dx: number, dy: number): void {
    const { image, window } = this.app.state;
    if (image === null) return;
    const { low, high } = image.pixels;
    this.app.set({ window: dragged(window, dx, dy, Math.max(16, high - low)) });
  }

  wholeRange(): void {
    const { image } = this.app.state;
    if (image !== null) this.app.set({ window: fullRange(image.pixels.low, image.pixels.high) });
  }

  /** Window, polarity and place as the image came. */
  reset(): void {
    const { image } = this.app.state;
    if (image !== null) this.app.set({ window: image.info.window, invert: image.info.invert, view: null });
  }

  /** The next shown finding, or the one before, as the list has them. */
  step(by: 1 | -1): void {
    const shown = visible(this.app.state);
    if (shown.length === 0) return;
    const now = shown.findIndex(({ id }) => id === this.app.state.focus);
    const next = shown[(now < 0 && by < 0 ? shown.length - 1 : now + by + shown.length) % shown.length]!;
    this.session.focus(next.id);
  }

  takeKeyboard(): void {
    this.element.focus();
  }

  private line = (label: string) => {
    const classes = this.app.state.model?.classes ?? [];
    const index = classes.findIndex(({ name }) => name === label);
    return lineStyle(classes[index]?.color ?? "#c8c8c8", Math.max(0, index));
  };

  private listenTo(pane: Pane): void {
    listen(pane.element, {
      drag: (dx, dy) => (this.app.state.tool === "pan" ? this.pan(dx, dy) : this.moveWindow(dx, dy)),
      pan: (dx, dy) => this.pan(dx, dy),
      zoom: (at, factor) => this.zoom(factor, at),
      click: (at, target) => this.click(pane, at, target),
      hover: (at) => this.readOut(at),
    });
    pane.element.addEventListener("keydown", (event) => {
      const id = idOf(event.target);
      if (id === null || (event.key !== "Enter" && event.key !== " ") || pane !== this.fused) return;
      event.preventDefault();
      this.session.focus(this.app.state.focus === id ? null : id);
    });
  }

  private click(pane: Pane, at: Point, target: EventTarget | null): void {
    this.element.focus({ preventScroll: true });
    if (pane !== this.fused || !this.app.state.boxes) return;
    const { x, y } = toImage(this.view, at);
    const id = idOf(target) ?? hit(visible(this.app.state), x, y)?.id ?? null;
    if (id !== this.app.state.focus) this.session.focus(id);
  }

  private readOut(at: Point | null): void {
    const { image } = this.app.state;
    const text = at === null || image === null ? "" : this.valueAt(toImage(this.view, at));
    byId("read-out").textContent = text;
  }

  private valueAt({ x, y }: Point): string {
    const { width, height, values } = this.app.state.image!.pixels.levels[0]!;
    const [column, row] = [Math.floor(x), Math.floor(y)];
    if (column < 0 || row < 0 || column >= width || row >= height) return "";
    return `x ${column}  y ${row}  value ${values[row * width + column]}`;
  }

  private arrange(): void {
    const { compare, image, source, model } = this.app.state;
    this.alone.element.hidden = !compare;
    byId("panes").classList.toggle("compared", compare);
    byId("drop-hint").hidden = source !== null || model === null;
    this.element.classList.toggle("empty", image === null);
  }

  private fitToPane(): void {
    const { view } = this.app.state;
    const before = this.size;
    this.size = this.fused.size;
    if (view !== null && before.width > 0) this.app.set({ view: resized(view, before, this.size) });
    this.draw();
  }

  private draw(): void {
    if (this.queued) return;
    this.queued = true;
    requestAnimationFrame((start) => {
      this.queued = false;
      this.drawNow();
      performance.measure("draw", { start });
    });
  }

  private drawNow(): void {
    const { image, window, invert, compare } = this.app.state;
    if (image === null) return;
    const { view } = this;
    const table = lookup(image.info.bits, window, invert);
    this.fused.paintImage(image.pixels, view, table);
    this.fused.boxes.show(this.marks(), view, this.fused.size);
    if (compare) {
      this.alone.paintImage(image.pixels, view, table);
      this.alone.boxes.show(this.marksWithoutRecord(), view, this.alone.size);
    }
    const settings = `C ${Math.round(window.center)}  W ${Math.round(window.width)}  ${Math.round(view.scale * 100)} %`;
    byId("image-settings").textContent = invert ? `${settings}  inverted` : settings;
  }
}

function idOf(target: EventTarget | null): number | null {
  const id = target instanceof Element ? target.closest("[data-id]")?.getAttribute("data-id") : null;
  return id === null || id === undefined ? null : Number(id);
}
