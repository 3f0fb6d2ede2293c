/** How a class is drawn: its color of the model's card, and a dash pattern that tells it apart without any color. */

export interface LineStyle {
  readonly color: string;
  /** Value of SVG's stroke-dasharray; empty: unbroken. */
  readonly dashes: string;
}

const DASHES = ["", "10 4", "3 3", "14 4 3 4", "6 6", "14 4 3 4 3 4", "1 4", "20 6"];

export const lineStyle = (color: string, index: number): LineStyle => ({
  color,
  dashes: DASHES[index % DASHES.length]!,
});
