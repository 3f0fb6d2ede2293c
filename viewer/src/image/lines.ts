/** How a class is drawn: its color, and a dash pattern that tells it apart without any color. */

export interface LineStyle {
  readonly color: string;
  /** Value of SVG's stroke-dasharray; empty: unbroken. */
  readonly dashes: string;
}

const DASHES = ["", "10 4", "3 3", "14 4 3 4", "6 6", "14 4 3 4 3 4", "1 4", "20 6"];

/** Luminance from which on a line stands out 4.5 to 1 from the page's dark grounds. */
const BRIGHT = 0.22;

export const lineStyle = (color: string, index: number): LineStyle => ({
  color: onDark(color),
  dashes: DASHES[index % DASHES.length]!,
});

/** The model's color of a class, `#rrggbb`, with as much white as it needs to be seen on a dark page. */
export function onDark(color: string): string {
  const parts = [1, 3, 5].map((start) => parseInt(color.slice(start, start + 2), 16));
  for (let white = 0; white < 1; white += 0.05) {
    const mixed = parts.map((part) => Math.round(part + (255 - part) * white));
    if (luminance(mixed) >= BRIGHT) return `#${mixed.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
  }
  return "#ffffff";
}

/** Relative luminance (WCAG 2) of red, green and blue from 0 to 255. */
export function luminance(parts: readonly number[]): number {
  const linear = parts.map((part) => (part <= 10 ? part / 3294.6 : ((part / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * linear[0]! + 0.7152 * linear[1]! + 0.0722 * linear[2]!;
}
