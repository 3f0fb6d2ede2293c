/** Pointer and wheel on a pane: drag, drag with another button, zoom at the cursor, two fingers, click. */

import type { Point } from "./view.ts";

export interface Gestures {
  /** The pointer went on by so many pixels with its first button down. */
  drag(dx: number, dy: number): void;
  pan(dx: number, dy: number): void;
  zoom(at: Point, factor: number): void;
  click(at: Point, target: EventTarget | null): void;
  hover(at: Point | null): void;
}

/** A pointer that moves less than this many pixels clicks. */
const STILL = 4;

export function listen(pane: HTMLElement, act: Gestures): void {
  const down = new Map<number, Point>();
  let traveled = 0;
  const at = (event: MouseEvent): Point => {
    const { left, top } = pane.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  };

  pane.addEventListener("pointerdown", (event) => {
    down.set(event.pointerId, at(event));
    if (down.size === 1) traveled = 0;
  });

  pane.addEventListener("pointermove", (event) => {
    const [now, before] = [at(event), down.get(event.pointerId)];
    act.hover(now);
    if (before === undefined) return;
    const [dx, dy] = [now.x - before.x, now.y - before.y];
    traveled += Math.hypot(dx, dy);
    // Not before it is a drag: a captured pointer's click would not reach the box below it.
    if (traveled > STILL && !pane.hasPointerCapture(event.pointerId)) pane.setPointerCapture(event.pointerId);
    const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
    down.set(event.pointerId, now);
    if (other !== undefined) pinch(before, now, other, act);
    else if (traveled <= STILL) return;
    else if ((event.buttons & 1) === 0 || event.shiftKey) act.pan(dx, dy);
    else act.drag(dx, dy);
  });

  const release = (event: PointerEvent): void => {
    const clicked = down.delete(event.pointerId) && event.type === "pointerup" && traveled <= STILL;
    if (clicked && event.button === 0) act.click(at(event), event.target);
  };
  pane.addEventListener("pointerup", release);
  pane.addEventListener("pointercancel", release);
  pane.addEventListener("pointerleave", () => act.hover(null));
  pane.addEventListener("contextmenu", (event) => event.preventDefault());

  const wheel = (event: WheelEvent): void => {
    event.preventDefault();
    act.zoom(at(event), Math.exp(-event.deltaY * (event.deltaMode === 0 ? 0.0015 : 0.05)));
  };
  pane.addEventListener("wheel", wheel, { passive: false });
}

/** Of two fingers one moved: the image follows their middle and their distance. */
function pinch(before: Point, now: Point, other: Point, act: Gestures): void {
  const apart = Math.hypot(before.x - other.x, before.y - other.y);
  act.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
  if (apart > 0)
    act.zoom(
      { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 },
      Math.hypot(now.x - other.x, now.y - other.y) / apart,
    );
}
