/** Opens images, asks the model, and keeps the answers in the store. */

import { type Api, ApiError, type Values } from "./api.ts";
import { findingsOf, under, withoutRecord } from "./findings.ts";
import { pixelsOf } from "./image/pixels.ts";
import { Latest } from "./latest.ts";
import { type App, changes, type OpenImage, type Source, type State } from "./state.ts";
import type { Finding } from "./types.ts";

interface Question {
  readonly values: Values;
  readonly asked: readonly Finding[];
  readonly since: number;
}

/** What belongs to an image, while there is none. */
const NO_IMAGE: Partial<State> = {
  image: null,
  view: null,
  findings: [],
  imageOnly: [],
  focus: null,
  explanation: null,
  measured: {},
  current: {},
  given: null,
  use: null,
  answeredIn: null,
};

/** Milliseconds after which a slider is taken to rest. */
const REST = 250;

export class Session {
  private opening = 0;
  /** What was found under the measured record. */
  private found: readonly Finding[] = [];
  private waiting: ReturnType<typeof setTimeout> | undefined;

  private readonly whatIf = new Latest(
    async ({ values, asked }: Question) => (await this.onImage((id) => this.api.whatIf(id, [values], asked)))[0]!,
    (result, { asked, since }) => {
      const findings = under(result, asked, this.app.state.findings);
      this.app.set({ findings, use: result.clinical, message: null });
      this.dropLostFocus();
      requestAnimationFrame(() => {
        const { duration } = performance.measure("what-if", { start: since });
        this.app.set({ answeredIn: duration });
      });
      this.explainSoon();
    },
    (error) => this.report(error),
  );

  private readonly why = new Latest(
    ({ values, finding }: { values: Values; finding: Finding }) =>
      this.onImage((id) => this.api.explain(id, values, finding)),
    (explanation, { values, finding }) => {
      if (this.app.state.focus === finding.id) this.app.set({ explanation: { ...explanation, record: values } });
    },
    (error) => this.report(error),
  );

  constructor(
    private readonly app: App,
    private readonly api: Api,
  ) {}

  async start(): Promise<void> {
    const [model, images] = await Promise.all([this.api.model(), this.api.worklist()]);
    const point = model.operating?.points[0] ?? null;
    const sources = images.map((image): Source => ({ kind: "worklist", name: image.name, image }));
    this.app.set({ model, point, sources, message: null });
  }

  /** Takes the image before away at once, shows the new one as soon as it is decoded, and asks the model then. */
  async open(source: Source): Promise<void> {
    const turn = ++this.opening;
    performance.mark("image");
    this.forget();
    this.app.set({ ...NO_IMAGE, source, detecting: true, message: null });
    try {
      const info = await this.fetchInfo(source);
      const pixels = pixelsOf(info.width, info.height, await this.api.pixels(info));
      if (turn !== this.opening) return;
      this.show({ source, info, pixels });
      await this.detect(undefined);
    } catch (error) {
      if (turn !== this.opening) return;
      if (this.app.state.image === null) this.app.set({ source: null });
      if (refused(error)) this.refuse(source, error);
      else this.report(error);
    } finally {
      if (turn === this.opening) this.app.set({ detecting: false });
    }
  }

  /** Takes a record as the patient's own and detects with it; undefined: the one that came with the image, if any. */
  async detect(record: unknown): Promise<void> {
    const { image } = this.app.state;
    if (image === null) return;
    const clinical = record === undefined ? (image.info.clinical?.values ?? null) : record;
    const answer = await this.onImage((id) => this.api.detect(id, clinical));
    if (this.app.state.image?.source !== image.source) return;
    this.forget();
    const findings = (this.found = findingsOf(answer.detections));
    const values = answer.clinical?.values ?? {};
    const { clinical: use, image_only: imageOnly } = answer;
    // The image came with more than the values that were asked with: with what was refused, and why.
    const given = (record === undefined ? image.info.clinical : null) ?? use;
    this.app.set({ findings, imageOnly, measured: values, current: values, given, use, focus: null, explanation: null });
    await this.scoreWithoutRecord(findings);
  }

  /** As `detect`, with what goes wrong shown on the page. */
  async take(record: unknown): Promise<void> {
    const turn = this.opening;
    this.app.set({ detecting: true, message: null });
    await this.detect(record).catch((error) => this.report(error));
    if (turn === this.opening) this.app.set({ detecting: false });
  }

  /** Moves one value of the record away from the measured one, and asks what the model would say. */
  change(name: string, value: Values[string]): void {
    this.ask({ ...this.app.state.current, [name]: value });
  }

  /** Back to the measured record. */
  reset(): void {
    this.ask(this.app.state.measured);
  }

  focus(id: number | null): void {
    this.app.set({ focus: id, explanation: null });
    this.explain();
  }

  report(error: unknown): void {
    if (!(error instanceof ApiError)) throw error;
    this.app.set({ message: { text: error.message, fix: error.fix } });
  }

  /** Of several files it says which; one that can never be opened does not stay in the list. */
  private refuse(source: Source, { message, fix }: ApiError): void {
    const sources = this.app.state.sources.filter((one) => one !== source || one.kind === "worklist");
    this.app.set({ sources, message: { text: `${source.name}: ${message}`, fix } });
  }

  private ask(values: Values): void {
    if (this.app.state.image === null) return;
    const since = performance.now();
    clearTimeout(this.waiting);
    this.app.set({ current: values });
    const asked = this.app.state.findings.filter((finding) => !finding.added);
    this.whatIf.put({ values, asked, since });
  }

  private explain(): void {
    const { focus, findings, current, model } = this.app.state;
    const finding = findings.find(({ id }) => id === focus);
    if (finding !== undefined && model?.fused === true) this.why.put({ values: current, finding });
  }

  /** Not while a slider moves: the explanation takes longer than a score, and would hold the next one up. */
  private explainSoon(): void {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.explain(), REST);
  }

  /** Answers on their way are of another image or record, and must not reach this one. */
  private forget(): void {
    this.whatIf.drop();
    this.why.drop();
    clearTimeout(this.waiting);
  }

  private dropLostFocus(): void {
    const { focus, findings } = this.app.state;
    if (focus !== null && !findings.some(({ id }) => id === focus)) this.focus(null);
  }

  private async scoreWithoutRecord(asked: readonly Finding[]): Promise<void> {
    if (asked.length === 0 || this.app.state.model?.fused !== true) return;
    const [result] = await this.onImage((id) => this.api.whatIf(id, [{}], asked));
    if (this.found !== asked) return;
    const alone = new Map(withoutRecord(result!, asked).map(({ id, imageOnly }) => [id, imageOnly]));
    // A slider may have moved meanwhile.
    const withScore = (finding: Finding) => ({ ...finding, imageOnly: alone.get(finding.id) ?? null });
    this.app.set({ findings: this.app.state.findings.map(withScore) });
  }

  private show(image: OpenImage): void {
    const { window, invert } = image.info;
    this.app.set({ image, window, invert });
    requestAnimationFrame(() => performance.measure("image", "image"));
  }

  private fetchInfo = (source: Source) =>
    source.kind === "file" ? this.api.upload(source.file, source.clinical) : this.api.open(source.image.id);

  /** The server keeps an image for a while only: what it has let go is sent again. */
  async onImage<A>(ask: (id: string) => Promise<A>): Promise<A> {
    const image = this.app.state.image!;
    try {
      return await ask(image.info.id);
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== "image_gone") throw error;
      const info = await this.fetchInfo(image.source);
      if (this.app.state.image === image) this.app.set({ image: { ...image, info } });
      return ask(info.id);
    }
  }

  /** What-if of now, as a sentence; null when the sliders show the measured record. */
  get whatIfText(): string | null {
    const { measured, current } = this.app.state;
    const moved = changes(this.app.state).map((name) => `${name} ${said(measured[name])} → ${said(current[name])}`);
    return moved.length === 0 ? null : `What-if: ${moved.join(", ")}`;
  }
}

/** Whether the server will never take it: too large, no image, or not one of a chest from the front. */
const refused = (error: unknown): error is ApiError =>
  error instanceof ApiError && (error.status === 413 || error.status === 422);

const said = (value: Values[string] | undefined): string => String(value ?? "missing");
