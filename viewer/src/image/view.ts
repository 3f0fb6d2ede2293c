/** Where an image lies in a pane: a point of the image times scale plus offset is a point of the pane. */

export interface View {
  /** Pane pixels per image pixel. */
  readonly scale: number;
  readonly x: number;
  readonly y: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

const LARGEST = 32;

/** The whole image, as large as the pane allows, in its middle. */
export function fit(image: Size, pane: Size): View {
  return centered(image, pane, Math.min(pane.width / image.width, pane.height / image.height));
}

/** The image in the middle of the pane at the given scale. */
export function centered(image: Size, pane: Size, scale: number): View {
  return { scale, x: (pane.width - image.width * scale) / 2, y: (pane.height - image.height * scale) / 2 };
}

/** Larger or smaller by a factor, while the image's point below `at` stays where it is. */
export function zoomed(view: View, at: Point, factor: number, smallest: number): View {
  const scale = Math.min(LARGEST, Math.max(smallest, view.scale * factor));
  const change = scale / view.scale;
  return { scale, x: at.x - (at.x - view.x) * change, y: at.y - (at.y - view.y) * change };
}

/** Moved by so many pane pixels. */
export function panned(view: View, dx: number, dy: number): View {
  return { scale: view.scale, x: view.x + dx, y: view.y + dy };
}

export function toImage(view: View, at: Point): Point {
  return { x: (at.x - view.x) / view.scale, y: (at.y - view.y) / view.scale };
}

export function toPane(view: View, at: Point): Point {
  return { x: at.x * view.scale + view.x, y: at.y * view.scale + view.y };
}

/** The view after the pane changed its size: its middle shows the same point of the image. */
export function resized(view: View, before: Size, after: Size): View {
  return panned(view, (after.width - before.width) / 2, (after.height - before.height) / 2);
}
