/** The images to read: those that the server serves, and those opened from this computer. */

import { button, byId, h, setAttributes } from "../dom.ts";
import type { Session } from "../session.ts";
import type { App, Source } from "../state.ts";

export class Worklist {
  constructor(
    private readonly app: App,
    private readonly session: Session,
  ) {
    const list = byId("images");
    app.watch(["sources"], () => {
      list.replaceChildren(...app.state.sources.map((source) => this.row(source)));
      byId("no-images").hidden = app.state.sources.length > 0;
    });
    app.watch(["source", "sources"], () => this.mark(list));
  }

  /** The next image of the list, or the one before. */
  step(by: 1 | -1): void {
    const { sources, source } = this.app.state;
    const next = sources[source === null ? 0 : sources.indexOf(source) + by];
    if (next !== undefined) void this.session.open(next);
  }

  /** Adds files of this computer in front and opens the first; one JSON file among them is their record. */
  async add(files: readonly File[]): Promise<void> {
    const isRecord = ({ name, type }: File) => type === "application/json" || name.toLowerCase().endsWith(".json");
    const record = files.find(isRecord);
    const clinical = record === undefined ? null : await record.text();
    const images = files.filter((file) => !isRecord(file));
    if (images.length === 0) return clinical === null ? undefined : this.takeRecord(clinical);
    const added = images.map((file): Source => ({ kind: "file", name: file.name, file, clinical }));
    this.app.set({ sources: [...added, ...this.app.state.sources] });
    await this.session.open(added[0]!);
  }

  private async takeRecord(text: string): Promise<void> {
    if (this.app.state.image === null)
      return this.refuse("a record needs an image", "open an image first, or drop both together");
    try {
      await this.session.take(JSON.parse(text));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      this.refuse("the record is not JSON", "give an object in the schema's units or a FHIR bundle");
    }
  }

  private refuse(text: string, fix: string): void {
    this.app.set({ message: { text, fix } });
  }

  private row(source: Source): HTMLLIElement {
    const open = button("", () => void this.session.open(source), { title: source.name });
    const from = source.kind === "file" ? "opened here" : "";
    open.append(h("span", { class: "name" }, source.name), h("span", { class: "quiet" }, from));
    return h("li", {}, open);
  }

  private mark(list: HTMLElement): void {
    const { sources, source } = this.app.state;
    sources.forEach((one, index) => {
      const open = list.children[index]?.firstElementChild;
      if (!open) return;
      setAttributes(open, { "aria-current": one === source ? "true" : null });
      if (one === source) open.scrollIntoView({ block: "nearest" });
    });
  }
}
