/** Keys of the page. Single letters can be turned off, for those who speak or type by accident (WCAG 2.1.4). */

import { byId, h } from "./dom.ts";

export interface Key {
  /** As KeyboardEvent.key says it, letters in lower case; none: a button alone. */
  readonly keys: readonly string[];
  readonly shown: string;
  readonly does: string;
  readonly run: (key: string) => void;
  /** Works only while the image has the keyboard's focus: elsewhere such keys belong to sliders and lists. */
  readonly onImage?: boolean;
  readonly shift?: boolean;
}

export function listenToKeys(keys: readonly Key[]): void {
  const letters = byId<HTMLInputElement>("letters");
  byId("key-list").replaceChildren(
    ...keys.filter(({ shown }) => shown !== "").flatMap(({ shown, does, onImage }) => [
      h("dt", {}, ...shown.split(" ").map((one) => h("kbd", {}, one))),
      h("dd", {}, onImage ? `${does} (image focused)` : does),
    ]),
  );
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || taken(event.target, event.key)) return;
    if (document.querySelector("dialog[open], :popover-open") !== null) return;
    const pressed = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const onImage = event.target instanceof Element && event.target.closest("#stage") !== null;
    const fits = (one: Key) => (one.shift ?? event.shiftKey) === event.shiftKey && (!one.onImage || onImage);
    const key = keys.find((one) => one.keys.includes(pressed) && fits(one));
    if (key === undefined || (!letters.checked && pressed.length === 1 && !key.onImage)) return;
    event.preventDefault();
    key.run(pressed);
  });
}

/** Whether the key belongs to the control that has the focus: text to type, a slider's or a list's own keys. */
function taken(target: EventTarget | null, key: string): boolean {
  if (target instanceof HTMLSelectElement) return true;
  if (!(target instanceof HTMLInputElement) || target.type === "checkbox") return false;
  return target.type !== "range" || key.length > 1;
}
