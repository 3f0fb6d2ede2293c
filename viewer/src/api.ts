/** The HTTP API of `mdfnet serve`: its types and one method per call. Addresses hold random ids, never a patient's. */

/** A number in the schema's unit, a category's name, or null: missing. */
export type Value = number | string | null;
export type Values = Readonly<Record<string, Value>>;
/** Left, top, right, bottom in pixels of the image. */
export type Box = readonly [number, number, number, number];

export interface ClassInfo {
  readonly name: string;
  readonly id: number;
  readonly color: string;
}

export interface Feature {
  readonly name: string;
  /** A sentence: what it means. */
  readonly title: string;
  readonly unit: string | null;
  readonly kind: "number" | "category";
  readonly categories?: readonly string[] | null;
  readonly plausible?: readonly [number, number] | null;
  readonly normal?: readonly [number, number] | null;
  readonly seen?: { readonly min: number; readonly max: number } | null;
}

export interface OperatingPoint {
  readonly name: string;
  readonly rule?: string;
  readonly thresholds: Readonly<Record<string, number>>;
  readonly sensitivity?: number | null;
  readonly false_positives_per_image?: number | null;
}

export interface ModelInfo {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  readonly notice: string;
  readonly classes: readonly ClassInfo[];
  readonly features: readonly Feature[];
  readonly operating: { readonly points: readonly OperatingPoint[]; readonly fitted_on?: string } | null;
  readonly fused: boolean;
  readonly card: { readonly training: { readonly synthetic?: readonly string[] | undefined } };
}

export interface Detection {
  readonly label: string;
  readonly score: number;
  readonly calibrated?: number | null;
  readonly box: Box;
}

/** How a record was used: every feature is in one of used, missing and refused; refused values are null. */
export interface RecordUse {
  readonly values: Values;
  readonly used: readonly string[];
  readonly missing: readonly string[];
  readonly refused: Readonly<Record<string, string>>;
  /** Used, although training had no such value; what it had is in the notes. */
  readonly unseen: readonly string[];
  readonly notes: Readonly<Record<string, string>>;
}

export interface ImageInfo {
  readonly id: string;
  readonly width: number;
  readonly height: number;
  readonly bits: number;
  readonly invert: boolean;
  readonly window: { readonly center: number; readonly width: number };
  readonly kind: "dicom" | "png" | "jpeg";
  readonly view?: string | null;
  readonly clinical?: RecordUse | null;
}

export interface ListedImage {
  readonly id: string;
  readonly name: string;
}

export interface DetectAnswer {
  /** Null: the model looks at images alone. */
  readonly clinical: RecordUse | null;
  readonly detections: readonly Detection[];
  readonly image_only: readonly Detection[];
}

export interface WhatIfResult {
  readonly clinical: RecordUse | null;
  readonly detections: readonly Detection[];
  /** Of the boxes asked for, in their order; null where the model has none there. */
  readonly scores: readonly (number | null)[];
}

export interface Explanation {
  readonly boxes: readonly {
    readonly baseline: number;
    readonly full: number;
    readonly values: Readonly<Record<string, number>>;
  }[];
  readonly exact: boolean;
}

export type ReportFormat = "sr" | "capture" | "coco" | "csv";
type BoxOfLabel = Pick<Detection, "label" | "box">;

/** What the server refused: its code, what is wrong and how to fix it. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly fix: string | null = null,
  ) {
    super(message);
  }
}

/** How often a full server is asked, and how many seconds it may ask to wait. */
const TRIES = 4;
const LONGEST_WAIT = 5;

export class Api {
  /** Kept in memory alone: gone when the page is closed. */
  token: string | null = null;

  model = (): Promise<ModelInfo> => this.json("v1/model");

  worklist = async (): Promise<readonly ListedImage[]> =>
    (await this.json<{ images: readonly ListedImage[] }>("v1/images")).images;

  open = (id: string): Promise<ImageInfo> => this.json(`v1/worklist/${encodeURIComponent(id)}`, { method: "POST" });

  /** The file's own name stays here: it may name a patient. */
  upload(image: Blob, clinical: string | null): Promise<ImageInfo> {
    const form = new FormData();
    form.append("image", image, "image");
    if (clinical !== null) form.append("clinical", clinical);
    return this.json("v1/images", { method: "POST", body: form });
  }

  /** Stored values after the modality LUT, rows from the top. */
  async pixels(image: ImageInfo): Promise<Uint16Array> {
    const bytes = await (await this.fetch(`v1/images/${image.id}/pixels`)).arrayBuffer();
    if (bytes.byteLength !== image.width * image.height * 2)
      throw new ApiError(200, "pixels", `the image has ${bytes.byteLength} bytes, not ${image.width * image.height * 2}`);
    return new Uint16Array(bytes); // little endian, as is every machine that runs a browser
  }

  detect = (id: string, clinical: unknown): Promise<DetectAnswer> => this.post(`v1/images/${id}/detect`, { clinical });

  async whatIf(id: string, records: readonly Values[], boxes: readonly BoxOfLabel[]): Promise<readonly WhatIfResult[]> {
    const body = { records, boxes: boxes.map(({ label, box }) => ({ label, box })) };
    return (await this.post<{ results: readonly WhatIfResult[] }>(`v1/images/${id}/what-if`, body)).results;
  }

  explain = (id: string, clinical: Values, { label, box }: BoxOfLabel): Promise<Explanation> =>
    this.post(`v1/images/${id}/explanation`, { clinical, boxes: [{ label, box }] });

  async report(id: string, clinical: Values, detections: readonly Detection[], format: ReportFormat): Promise<Blob> {
    return (await this.fetch(`v1/images/${id}/report`, asJson({ clinical, detections, format }))).blob();
  }

  private post = <A>(path: string, body: unknown): Promise<A> => this.json(path, asJson(body));

  private json = async <A>(path: string, init: RequestInit = {}): Promise<A> =>
    (await (await this.fetch(path, init)).json()) as A;

  private async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.token !== null) headers.set("Authorization", `Bearer ${this.token}`);
    const ask = () => fetch(path, { ...init, headers, cache: "no-store", credentials: "omit" });
    const answer = await patiently(ask).catch(() => {
      throw new ApiError(0, "unreachable", "the server does not answer", "check that mdfnet serve is running");
    });
    if (!answer.ok) throw await refusal(answer);
    return answer;
  }
}

/** Asks again when the server is full or still starts, after the time that it says, a few times. */
async function patiently(ask: () => Promise<Response>): Promise<Response> {
  for (let tries = 1; ; tries++) {
    const answer = await ask();
    const seconds = Number(answer.headers.get("Retry-After") ?? "NaN");
    if (answer.status !== 503 || tries === TRIES || !(seconds <= LONGEST_WAIT)) return answer;
    await new Promise((done) => setTimeout(done, 1000 * seconds));
  }
}

const asJson = (body: unknown): RequestInit => ({
  method: "POST",
  body: JSON.stringify(body),
  headers: { "Content-Type": "application/json" },
});

async function refusal(answer: Response): Promise<ApiError> {
  const body = (await answer.json().catch(() => null)) as { error?: Partial<ApiError> } | null;
  const { code = "unknown", message = `the server answered ${answer.status}`, fix = null } = body?.error ?? {};
  return new ApiError(answer.status, code, message, fix);
}
