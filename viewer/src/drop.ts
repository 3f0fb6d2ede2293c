/** Files from this computer: dropped anywhere on the page, or chosen. */

import { byId } from "./dom.ts";

export function takeFiles(take: (files: readonly File[]) => void): void {
  const chooser = byId<HTMLInputElement>("file");
  chooser.addEventListener("change", () => {
    if (chooser.files !== null && chooser.files.length > 0) take([...chooser.files]);
    chooser.value = "";
  });
  const over = (event: DragEvent): void => {
    event.preventDefault();
    document.body.classList.toggle("dropping", event.type === "dragover");
  };
  document.addEventListener("dragover", over);
  document.addEventListener("dragleave", over);
  document.addEventListener("drop", (event) => {
    over(event);
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length > 0) take(files);
  });
}
