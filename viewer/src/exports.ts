/** Takes out what the page shows: the view as PNG, the findings as COCO, CSV, DICOM SR or secondary capture. */

import type { Api, ReportFormat } from "./api.ts";
import { button, byId, save } from "./dom.ts";
import { reportable } from "./findings.ts";
import { FONTS } from "./image/labels.ts";
import type { Session } from "./session.ts";
import type { Stage } from "./stage.ts";
import type { App } from "./state.ts";
import { madeUp } from "./words.ts";

const FORMATS: readonly { readonly format: ReportFormat; readonly name: string; readonly end: string }[] = [
  { format: "coco", name: "Findings as COCO JSON", end: "json" },
  { format: "csv", name: "Findings as CSV", end: "csv" },
  { format: "sr", name: "DICOM structured report", end: "sr.dcm" },
  { format: "capture", name: "DICOM secondary capture", end: "sc.dcm" },
];
const CAPTION = 44;

export class Exports {
  constructor(
    private readonly app: App,
    private readonly session: Session,
    private readonly api: Api,
    private readonly stage: Stage,
  ) {
    const entries = FORMATS.map(({ format, name }) =>
      button(name, () => void this.report(format), { "data-format": format }),
    );
    // The menu's first entry takes the keyboard's focus when the menu opens.
    const picture = button("This view as PNG", () => void this.picture(), { "data-format": "png", autofocus: true });
    byId("exports").append(picture, ...entries);
    app.watch(["image", "findings", "threshold", "point", "hidden"], () => this.allow());
  }

  private allow(): void {
    for (const entry of byId("exports").querySelectorAll<HTMLButtonElement>("button")) {
      const missing = this.missing(entry.dataset["format"]!);
      entry.disabled = missing !== null;
      entry.title = missing ?? "";
    }
  }

  /** What an export of this format needs and is not there; null where it can be made. */
  private missing(format: string): string | null {
    const { state } = this.app;
    if (state.image === null) return "needs an open image";
    if (format !== "sr" && format !== "capture") return null;
    if (state.image.info.kind !== "dicom") return "needs a DICOM image";
    const nothing = format === "sr" && reportable(state).length === 0;
    return nothing ? "needs a finding; a secondary capture can say that there is none" : null;
  }

  /** Never named after the file or the patient. */
  private name = (end: string): string => `mdfnet-${this.app.state.image?.info.id.slice(0, 8)}.${end}`;

  private async report(format: ReportFormat): Promise<void> {
    const { state } = this.app;
    const { end } = FORMATS.find((known) => known.format === format)!;
    try {
      const bytes = await this.session.onImage((id) =>
        this.api.report(id, state.measured, reportable(state), format),
      );
      save(bytes, this.name(end));
    } catch (error) {
      this.session.report(error);
    }
  }

  private async picture(): Promise<void> {
    const { image, compare, model } = this.app.state;
    if (image === null) return;
    const ratio = window.devicePixelRatio;
    const { width, height } = this.stage.fused.size;
    const canvas = document.createElement("canvas");
    canvas.width = (compare ? 2 * width + 2 : width) * ratio;
    canvas.height = (height + CAPTION) * ratio;
    const context = canvas.getContext("2d", { alpha: false });
    if (context === null) return;
    this.stage.fused.drawInto(context, 0, this.stage.marks(), this.stage.view);
    if (compare) this.stage.alone.drawInto(context, width + 2, this.stage.marksWithoutRecord(), this.stage.view);
    context.scale(ratio, ratio);
    const panes = compare ? "Left: with record. Right: image only. " : "";
    const about = `MDF-Net, model ${model?.name} ${model?.sha256.slice(0, 12)}. ${this.session.whatIfText ?? ""}`;
    context.fillStyle = "#eef2f5";
    context.font = `600 13px ${FONTS}`;
    context.fillText(`${panes}${model?.notice ?? ""} ${madeUp(model)}`, 8, height + 18);
    context.font = `12px ${FONTS}`;
    context.fillText(about, 8, height + 36);
    const bytes = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/png"));
    if (bytes !== null) save(bytes, this.name("png"));
  }
}
