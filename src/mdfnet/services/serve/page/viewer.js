// src/api.ts
/** What the server refused: its code, what is wrong and how to fix it. */
var ApiError = class extends Error {
	status;
	code;
	fix;
	constructor(status, code, message, fix = null) {
		super(message);
		this.status = status;
		this.code = code;
		this.fix = fix;
	}
};
/** How often a full server is asked, and how many seconds it may ask to wait. */
var TRIES = 4;
var LONGEST_WAIT = 5;
var Api = class {
	/** Kept in memory alone: gone when the page is closed. */
	token = null;
	model = () => this.json("v1/model");
	worklist = async () => (await this.json("v1/images")).images;
	open = (id) => this.json(`v1/worklist/${encodeURIComponent(id)}`, { method: "POST" });
	/** The file's own name stays here: it may name a patient. */
	upload(image, clinical) {
		const form = new FormData();
		form.append("image", image, "image");
		if (clinical !== null) form.append("clinical", clinical);
		return this.json("v1/images", {
			method: "POST",
			body: form
		});
	}
	/** Stored values after the modality LUT, rows from the top. */
	async pixels(image) {
		const bytes = await (await this.fetch(`v1/images/${image.id}/pixels`)).arrayBuffer();
		if (bytes.byteLength !== image.width * image.height * 2) throw new ApiError(200, "pixels", `the image has ${bytes.byteLength} bytes, not ${image.width * image.height * 2}`);
		return new Uint16Array(bytes);
	}
	detect = (id, clinical) => this.post(`v1/images/${id}/detect`, { clinical });
	async whatIf(id, records, boxes) {
		const body = {
			records,
			boxes: boxes.map(({ label, box }) => ({
				label,
				box
			}))
		};
		return (await this.post(`v1/images/${id}/what-if`, body)).results;
	}
	explain = (id, clinical, { label, box }) => this.post(`v1/images/${id}/explanation`, {
		clinical,
		boxes: [{
			label,
			box
		}]
	});
	async report(id, clinical, detections, format) {
		return (await this.fetch(`v1/images/${id}/report`, asJson({
			clinical,
			detections,
			format
		}))).blob();
	}
	post = (path, body) => this.json(path, asJson(body));
	json = async (path, init = {}) => await (await this.fetch(path, init)).json();
	async fetch(path, init = {}) {
		const headers = new Headers(init.headers);
		if (this.token !== null) headers.set("Authorization", `Bearer ${this.token}`);
		const ask = () => fetch(path, {
			...init,
			headers,
			cache: "no-store",
			credentials: "omit"
		});
		const answer = await patiently(ask).catch(() => {
			throw new ApiError(0, "unreachable", "the server does not answer", "check that mdfnet serve is running");
		});
		if (!answer.ok) throw await refusal(answer);
		return answer;
	}
};
/** Asks again when the server is full or still starts, after the time that it says, a few times. */
async function patiently(ask) {
	for (let tries = 1;; tries++) {
		const answer = await ask();
		const seconds = Number(answer.headers.get("Retry-After") ?? "NaN");
		if (answer.status !== 503 || tries === TRIES || !(seconds <= LONGEST_WAIT)) return answer;
		await new Promise((done) => setTimeout(done, 1e3 * seconds));
	}
}
var asJson = (body) => ({
	method: "POST",
	body: JSON.stringify(body),
	headers: { "Content-Type": "application/json" }
});
async function refusal(answer) {
	const { code = "unknown", message = `the server answered ${answer.status}`, fix = null } = (await answer.json().catch(() => null))?.error ?? {};
	return new ApiError(answer.status, code, message, fix);
}
// src/dom.ts
var SVG = "http://www.w3.org/2000/svg";
function h(tag, attributes = {}, ...children) {
	const element = document.createElement(tag);
	setAttributes(element, attributes);
	element.append(...children.filter((child) => child !== null));
	return element;
}
function svg(tag, attributes = {}, ...children) {
	const element = document.createElementNS(SVG, tag);
	setAttributes(element, attributes);
	element.append(...children.filter((child) => child !== null));
	return element;
}
/** True sets an empty attribute; false, null and undefined remove one. */
function setAttributes(element, attributes) {
	for (const [name, value] of Object.entries(attributes)) if (value === false || value === null || value === void 0) element.removeAttribute(name);
	else element.setAttribute(name, value === true ? "" : String(value));
}
/** The element of the page that has this id. */
function byId(id) {
	const element = document.getElementById(id);
	if (element === null) throw new Error(`the page has no #${id}`);
	return element;
}
function button(label, act, attributes = {}) {
	const element = h("button", {
		type: "button",
		...attributes
	}, label);
	element.addEventListener("click", act);
	return element;
}
/** Offers bytes as a download. */
function save(bytes, name) {
	const link = h("a", {
		href: URL.createObjectURL(bytes),
		download: name
	});
	link.click();
	setTimeout(() => URL.revokeObjectURL(link.href), 1e4);
}
// src/commands.ts
/** What a person can do to the view, by button or by key: one table for both. */
var MOVES = {
	ArrowLeft: [-1, 0],
	ArrowRight: [1, 0],
	ArrowUp: [0, -1],
	ArrowDown: [0, 1]
};
function commands(app, session, stage, worklist) {
	return [
		...onImage(stage),
		...onLooks(app, stage),
		...onFindings(app, session, stage),
		...onImages(worklist)
	];
}
function wire(app, all) {
	for (const { button, pressed, run } of all) {
		if (button === void 0) continue;
		const element = byId(button);
		element.addEventListener("click", () => run(""));
		if (pressed !== void 0) app.watch([
			"tool",
			"invert",
			"boxes",
			"compare"
		], () => element.setAttribute("aria-pressed", String(pressed(app.state))));
	}
}
function onImage(stage) {
	const arrows = {
		keys: Object.keys(MOVES),
		onImage: true
	};
	const windowed = (key) => stage.moveWindow(...by(key, 20));
	const by = (key, pixels) => MOVES[key].map((way) => way * pixels);
	return [
		{
			...arrows,
			shown: "← → ↑ ↓",
			does: "Move",
			shift: false,
			run: (key) => stage.pan(...by(key, -40))
		},
		{
			...arrows,
			shown: "Shift ← → ↑ ↓",
			does: "Window",
			shift: true,
			run: windowed
		},
		{
			keys: ["+", "="],
			shown: "+",
			does: "Larger",
			button: "zoom-in",
			run: () => stage.zoom(1.25)
		},
		{
			keys: ["-"],
			shown: "−",
			does: "Smaller",
			button: "zoom-out",
			run: () => stage.zoom(.8)
		},
		{
			keys: ["1"],
			shown: "1",
			does: "Image pixel for screen pixel",
			button: "actual",
			run: () => stage.actualSize()
		},
		{
			keys: ["w"],
			shown: "W",
			does: "Window over the full range",
			button: "range",
			run: () => stage.wholeRange()
		},
		{
			keys: ["r"],
			shown: "R",
			does: "As the image came",
			button: "reset",
			run: () => stage.reset()
		}
	];
}
function onLooks(app, stage) {
	const tool = (name) => ({
		keys: [],
		shown: "",
		does: "",
		button: `tool-${name}`,
		pressed: (state) => state.tool === name,
		run: () => app.set({ tool: name })
	});
	const toggled = (name, key, does) => ({
		keys: [key],
		shown: key.toUpperCase(),
		does,
		button: name,
		pressed: (state) => state[name],
		run: () => app.set({ [name]: !app.state[name] })
	});
	const other = () => app.set({ tool: app.state.tool === "window" ? "pan" : "window" });
	return [
		tool("window"),
		tool("pan"),
		{
			keys: ["f"],
			shown: "F",
			does: "Whole image",
			button: "fit",
			run: () => app.set({ view: null })
		},
		{
			keys: ["d"],
			shown: "D",
			does: "Dragging windows or moves",
			run: other
		},
		toggled("invert", "i", "Invert"),
		toggled("boxes", "b", "Boxes on or off"),
		toggled("compare", "c", "Image only beside, on or off"),
		{
			keys: ["l"],
			shown: "L",
			does: "To the image",
			run: () => stage.takeKeyboard()
		}
	];
}
function onFindings(app, session, stage) {
	const raise = (by) => app.set({
		threshold: Math.min(1, Math.max(0, app.state.threshold + by)),
		point: null
	});
	return [
		{
			keys: ["n"],
			shown: "N",
			does: "Next finding",
			run: () => stage.step(1)
		},
		{
			keys: ["p"],
			shown: "P",
			does: "Finding before",
			run: () => stage.step(-1)
		},
		{
			keys: ["Escape"],
			shown: "Esc",
			does: "No finding chosen",
			run: () => session.focus(null)
		},
		{
			keys: ["["],
			shown: "[",
			does: "Lower threshold",
			run: () => raise(-.05)
		},
		{
			keys: ["]"],
			shown: "]",
			does: "Higher threshold",
			run: () => raise(.05)
		},
		{
			keys: ["m"],
			shown: "M",
			does: "Record back to measured",
			button: "reset-record",
			run: () => session.reset()
		}
	];
}
function onImages(worklist) {
	const showKeys = () => byId("keys").showModal();
	return [
		{
			keys: ["PageDown"],
			shown: "Page↓",
			does: "Next image",
			run: () => worklist.step(1)
		},
		{
			keys: ["PageUp"],
			shown: "Page↑",
			does: "Image before",
			run: () => worklist.step(-1)
		},
		{
			keys: ["o"],
			shown: "O",
			does: "Open image",
			button: "open",
			run: () => byId("file").click()
		},
		{
			keys: ["e"],
			shown: "E",
			does: "Export",
			run: () => byId("exports").showPopover()
		},
		{
			keys: ["?", "h"],
			shown: "?",
			does: "These keys",
			button: "help",
			run: showKeys
		}
	];
}
// src/drop.ts
/** Files from this computer: dropped anywhere on the page, or chosen. */
function takeFiles(take) {
	const chooser = byId("file");
	chooser.addEventListener("change", () => {
		if (chooser.files !== null && chooser.files.length > 0) take([...chooser.files]);
		chooser.value = "";
	});
	const over = (event) => {
		event.preventDefault();
		document.body.classList.toggle("dropping", event.type === "dragover");
	};
	document.addEventListener("dragover", over);
	document.addEventListener("dragleave", over);
	document.addEventListener("drop", (event) => {
		over(event);
		const files = [...event.dataTransfer?.files ?? []];
		if (files.length > 0) take(files);
	});
}
// src/findings.ts
/** From this overlap on, two boxes of one class are the same finding. */
var SAME = .5;
var findingsOf = (detections) => detections.map((detection, id) => ({
	...detection,
	id,
	now: detection.score,
	imageOnly: null,
	added: false
}));
/** The findings with the scores that a changed record gives them, and those that only it gives. */
function under(result, asked, known) {
	const { scores, others } = scoresOf(asked, result);
	const own = known.filter((finding) => !finding.added).map((finding) => ({
		...finding,
		now: scores.get(finding.id) ?? finding.now
	}));
	const before = known.filter((finding) => finding.added);
	let id = Math.max(-1, ...known.map((finding) => finding.id));
	const added = others.map((detection) => ({
		...detection,
		id: before.find((finding) => same(finding, detection))?.id ?? ++id,
		now: detection.score,
		score: 0,
		imageOnly: null,
		added: true
	}));
	return [...own, ...added];
}
/** The findings with the scores that the image alone gives them. */
function withoutRecord(result, known) {
	const { scores } = scoresOf(known, result);
	return known.map((finding) => ({
		...finding,
		imageOnly: scores.get(finding.id) ?? null
	}));
}
/**
* The score of each finding under another record, and what else the model finds then. A finding that the model still
* finds has the score that the model gives it, also where its box has shifted a little; another the score of its place.
*/
function scoresOf(asked, { detections, scores: places }) {
	const scores = /* @__PURE__ */ new Map();
	const others = [];
	for (const detection of [...detections].sort((one, other) => other.score - one.score)) {
		const [nearest] = asked.filter((finding) => !scores.has(finding.id) && same(finding, detection)).sort((one, other) => overlap(other.box, detection.box) - overlap(one.box, detection.box));
		if (nearest === void 0) others.push(detection);
		else scores.set(nearest.id, detection.score);
	}
	asked.forEach(({ id }, index) => scores.set(id, scores.get(id) ?? places[index] ?? 0));
	return {
		scores,
		others
	};
}
/** Score from which a class is shown. */
var thresholdOf = ({ point, threshold }, label) => point?.thresholds[label] ?? threshold;
/** Whether the sliders have brought a finding's score below the threshold. */
var faded = (state, { label, now }) => now < thresholdOf(state, label);
/** The findings to show, highest score first. What the sliders take away stays, faded: its going would not be seen. */
var visible = (state) => state.findings.filter(({ label, now, score }) => !state.hidden.has(label) && Math.max(now, score) >= thresholdOf(state, label)).sort((one, other) => other.now - one.now);
/** What to hand on: found under the measured record, never what a slider made of it. */
var reportable = (state) => state.findings.filter(({ added, label, score }) => !added && !state.hidden.has(label) && score >= thresholdOf(state, label)).map(({ label, score, box }) => ({
	label,
	score,
	box
}));
/** The smallest of the boxes that a point of the image lies in. */
function hit(findings, x, y) {
	return findings.filter(({ box }) => x >= box[0] && x <= box[2] && y >= box[1] && y <= box[3]).sort((one, other) => area(one.box) - area(other.box))[0] ?? null;
}
var same = (one, other) => one.label === other.label && overlap(one.box, other.box) >= SAME;
var area = (box) => (box[2] - box[0]) * (box[3] - box[1]);
/** Intersection over union of two boxes. */
function overlap(one, other) {
	const width = Math.min(one[2], other[2]) - Math.max(one[0], other[0]);
	const height = Math.min(one[3], other[3]) - Math.max(one[1], other[1]);
	const shared = Math.max(0, width) * Math.max(0, height);
	return shared === 0 ? 0 : shared / (area(one) + area(other) - shared);
}
var FONTS = "\"Segoe UI\", Roboto, \"Helvetica Neue\", \"Liberation Sans\", Arial, system-ui, sans-serif";
var LABEL_FONT = `600 12px ${FONTS}`;
/** A place for each label, those of focused boxes first, then in the order given. */
function placed(marks, view, pane, width = textWidth) {
	const taken = [];
	const places = /* @__PURE__ */ new Map();
	for (const mark of [...marks].sort((one, other) => Number(other.focused) - Number(one.focused))) {
		const candidates = around(mark.box, width(mark.text) + 4 + 9, view, pane);
		const label = candidates.find((place) => !taken.some((other) => meet(place, other))) ?? candidates[0];
		taken.push(label);
		places.set(mark, label);
	}
	return marks.map((mark) => places.get(mark));
}
/** Above, below, inside at the top and at the bottom, then further off; from the left edge, then from the right one. */
function around([x1, y1, x2, y2], width, { scale, x, y }, pane) {
	const [left, top, right, bottom] = [
		x1 * scale + x,
		y1 * scale + y,
		x2 * scale + x,
		y2 * scale + y
	];
	const row = 19;
	const rows = [
		...[
			top - row,
			bottom + 1,
			top + 1,
			bottom - row
		],
		top - 38,
		bottom + 1 + row,
		top - 57,
		bottom + 1 + 38
	];
	const inside = rows.filter((row) => row >= 0 && row + 18 <= pane.height);
	return (inside.length > 0 ? inside : rows).flatMap((row) => [left - 1, right + 1 - width].map((column) => ({
		x: Math.max(0, Math.min(pane.width - width, column)),
		y: row,
		width
	})));
}
var meet = (one, other) => Math.abs(one.y - other.y) < 18 && one.x < other.x + other.width && other.x < one.x + one.width;
var ruler = null;
function textWidth(text) {
	ruler ??= document.createElement("canvas").getContext("2d");
	if (ruler === null) return text.length * 7;
	ruler.font = LABEL_FONT;
	return ruler.measureText(text).width;
}
// src/words.ts
/** How people write the UCUM codes of chest X-ray records; other codes are shown as they are. */
var UNITS = {
	a: "years",
	Cel: "°C",
	"[degF]": "°F",
	"mm[Hg]": "mmHg",
	"1": ""
};
var unit = (feature) => UNITS[feature.unit ?? "1"] ?? feature.unit ?? "";
var score = (value) => value.toFixed(2);
/** With its sign; nothing where two decimals do not show a change. */
function change(by) {
	const text = by.toFixed(2);
	if (Number(text) === 0) return "";
	return by > 0 ? `+${text}` : `−${text.slice(1)}`;
}
/** As written beside a box: "Effusion 0.61 ▲ +0.12". */
function withChange({ label, now, score: measured, added }) {
	if (added) return `${label} ${score(now)} new`;
	const moved = change(now - measured);
	if (moved === "") return `${label} ${score(now)}`;
	return `${label} ${score(now)} ${now > measured ? "▲" : "▼"} ${moved}`;
}
/** What a screen reader says: first what is seen, so that one who speaks to the computer can name it. */
function spoken(finding) {
	const place = `box ${finding.box.map(Math.round).join(", ")}`;
	return `${withChange(finding)}${finding.added ? ", not found under the measured record" : ""}, ${place}`;
}
/** The score, and how likely that makes a hit, where that was fitted and no slider has moved the score. */
function withCalibrated({ now, score: measured, calibrated }) {
	return calibrated !== null && calibrated !== void 0 && now === measured ? `${score(now)}, calibrated ${score(calibrated)}` : score(now);
}
/** At most two decimals, without trailing zeros. */
var number = (value) => String(Math.round(value * 100) / 100);
var valueText = (value) => value === null || value === void 0 ? "missing" : typeof value === "number" ? number(value) : value;
/** The first words of what a feature means: "Oxygen saturation by pulse oximetry" is too long for a form. */
var title = (feature) => /^.*?(?=[,:(]| as | at | by | of the |$)/.exec(feature.title)?.[0].trim() || feature.name;
/** Why a value was not used, or that training had none like it; null where there is nothing to say. */
function remark(use, name) {
	const refused = use?.refused[name];
	if (refused !== void 0) return `not used: ${refused}`;
	return use?.unseen.includes(name) ? use.notes[name] ?? "training had no such value" : null;
}
/** What of the model's training was made up; empty where nothing was. */
function madeUp(model) {
	const parts = model?.card.training.synthetic ?? [];
	if (parts.includes("images")) return "Trained on synthetic images.";
	const named = parts.map((part) => part === "clinical" ? "records" : part);
	return named.length === 0 ? "" : `Trained with synthetic ${named.join(" and ")}.`;
}
/** What of a record is about none of the model's features, such as a name that it does not know. */
function passedOver(given, model) {
	const features = new Set(model?.features.map(({ name }) => name));
	return Object.entries(given?.notes ?? {}).filter(([name]) => !features.has(name)).map(([name, note]) => note.includes(name) ? note : `${name}: ${note}`).join("; ");
}
// src/exports.ts
var FORMATS = [
	{
		format: "coco",
		name: "Findings as COCO JSON",
		end: "json"
	},
	{
		format: "csv",
		name: "Findings as CSV",
		end: "csv"
	},
	{
		format: "sr",
		name: "DICOM structured report",
		end: "sr.dcm"
	},
	{
		format: "capture",
		name: "DICOM secondary capture",
		end: "sc.dcm"
	}
];
var CAPTION = 44;
var Exports = class {
	app;
	session;
	api;
	stage;
	constructor(app, session, api, stage) {
		this.app = app;
		this.session = session;
		this.api = api;
		this.stage = stage;
		const entries = FORMATS.map(({ format, name }) => button(name, () => void this.report(format), { "data-format": format }));
		const picture = button("This view as PNG", () => void this.picture(), {
			"data-format": "png",
			autofocus: true
		});
		byId("exports").append(picture, ...entries);
		app.watch([
			"image",
			"findings",
			"threshold",
			"point",
			"hidden"
		], () => this.allow());
	}
	allow() {
		for (const entry of byId("exports").querySelectorAll("button")) {
			const missing = this.missing(entry.dataset["format"]);
			entry.disabled = missing !== null;
			entry.title = missing ?? "";
		}
	}
	/** What an export of this format needs and is not there; null where it can be made. */
	missing(format) {
		const { state } = this.app;
		if (state.image === null) return "needs an open image";
		if (format !== "sr" && format !== "capture") return null;
		if (state.image.info.kind !== "dicom") return "needs a DICOM image";
		return format === "sr" && reportable(state).length === 0 ? "needs a finding; a secondary capture can say that there is none" : null;
	}
	/** Never named after the file or the patient. */
	name = (end) => `mdfnet-${this.app.state.image?.info.id.slice(0, 8)}.${end}`;
	async report(format) {
		const { state } = this.app;
		const { end } = FORMATS.find((known) => known.format === format);
		try {
			save(await this.session.onImage((id) => this.api.report(id, state.measured, reportable(state), format)), this.name(end));
		} catch (error) {
			this.session.report(error);
		}
	}
	async picture() {
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
		const bytes = await new Promise((done) => canvas.toBlob(done, "image/png"));
		if (bytes !== null) save(bytes, this.name("png"));
	}
};
// src/keys.ts
/** Keys of the page. Single letters can be turned off, for those who speak or type by accident (WCAG 2.1.4). */
function listenToKeys(keys) {
	const letters = byId("letters");
	byId("key-list").replaceChildren(...keys.filter(({ shown }) => shown !== "").flatMap(({ shown, does, onImage }) => [h("dt", {}, ...shown.split(" ").map((one) => h("kbd", {}, one))), h("dd", {}, onImage ? `${does} (image focused)` : does)]));
	document.addEventListener("keydown", (event) => {
		if (event.ctrlKey || event.altKey || event.metaKey || taken(event.target, event.key)) return;
		if (document.querySelector("dialog[open], :popover-open") !== null) return;
		const pressed = event.key.length === 1 ? event.key.toLowerCase() : event.key;
		const onImage = event.target instanceof Element && event.target.closest("#stage") !== null;
		const fits = (one) => (one.shift ?? event.shiftKey) === event.shiftKey && (!one.onImage || onImage);
		const key = keys.find((one) => one.keys.includes(pressed) && fits(one));
		if (key === void 0 || !letters.checked && pressed.length === 1 && !key.onImage) return;
		event.preventDefault();
		key.run(pressed);
	});
}
/** Whether the key belongs to the control that has the focus: text to type, a slider's or a list's own keys. */
function taken(target, key) {
	if (target instanceof HTMLSelectElement) return true;
	if (!(target instanceof HTMLInputElement) || target.type === "checkbox") return false;
	return target.type !== "range" || key.length > 1;
}
// src/login.ts
/** Asks for the server's token; it is never stored and never part of an address. */
async function login() {
	const dialog = byId("login");
	const token = byId("token");
	while (token.value === "") {
		dialog.showModal();
		await new Promise((closed) => dialog.addEventListener("close", closed, { once: true }));
	}
	const { value } = token;
	token.value = "";
	return value;
}
// src/image/lines.ts
var DASHES = [
	"",
	"10 4",
	"3 3",
	"14 4 3 4",
	"6 6",
	"14 4 3 4 3 4",
	"1 4",
	"20 6"
];
/** Luminance from which on a line stands out 4.5 to 1 from the page's dark grounds. */
var BRIGHT = .22;
var lineStyle = (color, index) => ({
	color: onDark(color),
	dashes: DASHES[index % DASHES.length]
});
/** The model's color of a class, `#rrggbb`, with as much white as it needs to be seen on a dark page. */
function onDark(color) {
	const parts = [
		1,
		3,
		5
	].map((start) => parseInt(color.slice(start, start + 2), 16));
	for (let white = 0; white < 1; white += .05) {
		const mixed = parts.map((part) => Math.round(part + (255 - part) * white));
		if (luminance(mixed) >= BRIGHT) return `#${mixed.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
	}
	return "#ffffff";
}
/** Relative luminance (WCAG 2) of red, green and blue from 0 to 255. */
function luminance(parts) {
	const linear = parts.map((part) => part <= 10 ? part / 3294.6 : ((part / 255 + .055) / 1.055) ** 2.4);
	return .2126 * linear[0] + .7152 * linear[1] + .0722 * linear[2];
}
// src/panels/filters.ts
function filters(app) {
	const slider = byId("threshold");
	slider.addEventListener("input", () => app.set({
		threshold: slider.valueAsNumber,
		point: null
	}));
	const points = byId("point");
	points.addEventListener("change", () => {
		const point = app.state.model?.operating?.points.find(({ name }) => name === points.value) ?? null;
		app.set({ point });
	});
	app.watch(["model"], () => {
		const saved = app.state.model?.operating?.points ?? [];
		const own = h("option", { value: "" }, saved.length > 0 ? "own threshold" : "none saved");
		points.replaceChildren(own, ...saved.map(({ name }) => h("option", { value: name }, name)));
		points.disabled = saved.length === 0;
		byId("classes").replaceChildren(...(app.state.model?.classes ?? []).map((item, index) => row$2(app, item, index)));
	});
	app.watch([
		"threshold",
		"point",
		"model"
	], () => {
		const { threshold, point } = app.state;
		slider.value = String(threshold);
		points.value = point?.name ?? "";
		byId("threshold-value").textContent = point === null ? score(threshold) : "per class";
		byId("point-says").textContent = point === null ? "" : measured(point);
	});
}
/** What an operating point gave on the validation images. */
function measured({ sensitivity, false_positives_per_image: falsePositives }) {
	const parts = [sensitivity == null ? "" : `sensitivity ${score(sensitivity)}`, falsePositives == null ? "" : `${score(falsePositives)} false boxes an image`].filter(Boolean);
	return parts.length > 0 ? `${parts.join(", ")} on validation images` : "";
}
function row$2(app, { name, color }, index) {
	const box = h("input", {
		type: "checkbox",
		checked: true
	});
	const from = h("span", { class: "quiet number" });
	box.addEventListener("change", () => {
		const hidden = new Set(app.state.hidden);
		if (box.checked) hidden.delete(name);
		else hidden.add(name);
		app.set({ hidden });
	});
	app.watch(["hidden"], () => box.checked = !app.state.hidden.has(name));
	app.watch(["threshold", "point"], () => from.textContent = `≥ ${score(thresholdOf(app.state, name))}`);
	return h("li", {}, h("label", {}, box, sample(color, index), h("span", { class: "name" }, name), from));
}
/** A piece of the line that boxes of a class are drawn with. */
function sample(color, index) {
	const { color: stroke, dashes } = lineStyle(color, index);
	return svg("svg", {
		class: "sample",
		width: 28,
		height: 12,
		"aria-hidden": "true"
	}, svg("line", {
		x1: 0,
		y1: 6,
		x2: 28,
		y2: 6,
		stroke,
		"stroke-width": 3,
		"stroke-dasharray": dashes
	}));
}
// src/panels/list.ts
/** The findings as a table: score under the record, its change by the sliders, score of the image alone. */
function list(app, session) {
	const body = byId("findings");
	app.watch([
		"findings",
		"threshold",
		"point",
		"hidden",
		"focus",
		"image",
		"detecting",
		"model"
	], () => {
		const { state } = app;
		const shown = visible(state);
		const focused = body.contains(document.activeElement) ? document.activeElement?.getAttribute("data-id") : null;
		body.replaceChildren(...shown.map((finding) => row$1(app, session, finding)));
		if (focused) body.querySelector(`button[data-id="${focused}"]`)?.focus();
		byId("findings-count").textContent = state.image === null ? "" : `${shown.length} of ${state.findings.length} shown`;
		byId("no-findings").textContent = nothing(app, shown.length);
	});
}
function nothing({ state }, shown) {
	if (shown > 0 || state.image === null) return "";
	if (state.detecting) return "The model looks at the image …";
	return state.findings.length > 0 ? "None from this score on in these classes." : "The model marks nothing.";
}
function row$1({ state }, session, finding) {
	const classes = state.model?.classes ?? [];
	const index = Math.max(0, classes.findIndex(({ name }) => name === finding.label));
	const focused = finding.id === state.focus;
	const name = button("", () => session.focus(focused ? null : finding.id), {
		"data-id": finding.id,
		"aria-pressed": String(focused),
		"aria-label": spoken(finding)
	});
	name.append(sample(classes[index]?.color ?? "#c8c8c8", index), h("span", { class: "name" }, finding.label));
	const by = finding.added ? "new" : change(finding.now - finding.score);
	const direction = by === "" ? "" : by === "new" || by.startsWith("+") ? "up" : "down";
	return h("tr", { class: [focused && "focused", faded(state, finding) && "faded"].filter(Boolean).join(" ") }, h("td", {}, name), h("td", { class: "number strong" }, score(finding.now)), h("td", { class: `number change ${direction}` }, by), h("td", { class: "number quiet" }, finding.imageOnly === null ? "" : score(finding.imageOnly)));
}
// src/store.ts
/** What the page shows, in one place; who shows a part of it is told when that part changes. */
var Store = class {
	all;
	watchers = [];
	constructor(all) {
		this.all = all;
	}
	get state() {
		return this.all;
	}
	set(change) {
		const changed = Object.keys(change).filter((key) => this.all[key] !== change[key]);
		Object.assign(this.all, change);
		for (const { keys, run } of this.watchers) if (keys.some((key) => changed.includes(key))) run();
	}
	/** Runs now and whenever one of the keys has got another value. */
	watch(keys, run) {
		this.watchers.push({
			keys,
			run
		});
		run();
	}
};
// src/state.ts
var newApp = () => new Store({
	model: null,
	sources: [],
	source: null,
	image: null,
	detecting: false,
	measured: {},
	current: {},
	given: null,
	use: null,
	findings: [],
	imageOnly: [],
	focus: null,
	explanation: null,
	threshold: .3,
	point: null,
	hidden: /* @__PURE__ */ new Set(),
	boxes: true,
	window: {
		center: 128,
		width: 256
	},
	invert: false,
	view: null,
	tool: "window",
	compare: false,
	message: null,
	answeredIn: null
});
/** Names of the values that the sliders have moved away from the measured ones. */
function changes({ model, measured, current }) {
	return (model?.features.map((feature) => feature.name) ?? []).filter((name) => (measured[name] ?? null) !== (current[name] ?? null));
}
// src/panels/choice.ts
var Choice = class {
	element;
	options;
	constructor(feature, take) {
		this.options = (feature.categories ?? []).map((name) => button(name, () => take(name), { "data-value": name }));
		this.element = h("span", {
			class: "choice",
			role: "group",
			"aria-label": title(feature)
		}, ...this.options);
	}
	show(value, measured) {
		for (const option of this.options) {
			const name = option.dataset["value"];
			setAttributes(option, { "aria-pressed": String(name === value) });
			option.classList.toggle("measured", name === measured);
		}
	}
};
// src/panels/gauge.ts
var Gauge = class {
	feature;
	element;
	slider;
	text;
	band = svg("rect", {
		class: "band",
		y: 0,
		height: 6
	});
	tick = svg("rect", {
		class: "tick",
		y: -5,
		width: 2,
		height: 16
	});
	low;
	high;
	constructor(feature, take) {
		this.feature = feature;
		[this.low, this.high] = span(feature);
		const [name, step] = [title(feature), stepOf(feature)];
		this.slider = h("input", {
			type: "range",
			min: this.low,
			max: this.high,
			step,
			"aria-label": name
		});
		this.text = h("input", {
			type: "number",
			step: "any",
			placeholder: "missing",
			"aria-label": `${name}, typed`
		});
		setAttributes(this.text, {
			min: feature.plausible?.[0] ?? null,
			max: feature.plausible?.[1] ?? null
		});
		this.slider.addEventListener("input", () => take(this.slider.valueAsNumber));
		this.text.addEventListener("change", () => {
			if (this.text.value === "") take(null);
			else if (!Number.isNaN(this.text.valueAsNumber)) take(this.text.valueAsNumber);
		});
		const track = svg("svg", {
			class: "track",
			"aria-hidden": "true"
		}, svg("rect", {
			class: "rail",
			y: 1,
			width: "100%",
			height: 4,
			rx: 2
		}), this.band, this.tick);
		this.element = h("span", { class: "gauge" }, h("span", { class: "slide" }, track, this.slider), this.text);
	}
	show(value, measured) {
		const [now, was] = [asNumber(value), asNumber(measured)];
		this.widen(now, was);
		this.slider.value = String(now ?? (this.low + this.high) / 2);
		setAttributes(this.slider, { "aria-valuetext": now === null ? "missing" : `${number(now)} ${unit(this.feature)}` });
		if (document.activeElement !== this.text || now === null) this.text.value = now === null ? "" : number(now);
		setAttributes(this.tick, was === null ? { visibility: "hidden" } : {
			x: `${this.share(was)}%`,
			visibility: null
		});
		const { normal } = this.feature;
		if (!normal) return;
		const [from, to] = normal.map((edge) => Math.min(100, Math.max(0, this.share(edge))));
		setAttributes(this.band, {
			x: `${from}%`,
			width: `${to - from}%`
		});
	}
	widen(...values) {
		const known = values.filter((value) => value !== null);
		this.low = Math.min(this.low, ...known.map(Math.floor));
		this.high = Math.max(this.high, ...known.map(Math.ceil));
		setAttributes(this.slider, {
			min: this.low,
			max: this.high
		});
	}
	share = (value) => 100 * (value - this.low) / (this.high - this.low);
};
/** What training saw and what is normal; else what is plausible. A slider of 25 to 45 °C would be too coarse. */
function span({ seen, normal, plausible }) {
	const ends = [seen ? [seen.min, seen.max] : [], normal ?? []].flat();
	const [low, high] = plausible ?? [0, 1];
	if (!seen || ends.length === 0) return [low, high];
	return [Math.max(low, Math.floor(Math.min(...ends))), Math.min(high, Math.ceil(Math.max(...ends)))];
}
/** Whole numbers for counts, scales and wide ranges, tenths else. */
var stepOf = ({ unit: code, plausible }) => code === "1" || plausible !== null && plausible !== void 0 && plausible[1] - plausible[0] > 60 ? 1 : .1;
var asNumber = (value) => typeof value === "number" ? value : null;
// src/panels/record.ts
function record(app, session) {
	app.watch(["model"], () => {
		const { model } = app.state;
		byId("record").replaceChildren(...(model?.features ?? []).map((feature) => row(app, session, feature)));
		byId("record-panel").classList.toggle("unused", model?.fused === false);
		byId("no-record").hidden = model?.fused !== false;
	});
	const reset = byId("reset-record");
	const keep = byId("keep-record");
	keep.addEventListener("click", () => void session.take(app.state.current));
	app.watch([
		"current",
		"measured",
		"model",
		"image"
	], () => {
		const moved = changes(app.state).length;
		reset.disabled = keep.disabled = moved === 0;
		byId("record-panel").classList.toggle("what-if", moved > 0);
		const values = moved === 1 ? "1 value differs" : `${moved} values differ`;
		const unmoved = app.state.image === null ? "" : "as measured";
		byId("what-if-state").textContent = moved === 0 ? unmoved : `what-if: ${values}`;
	});
	app.watch(["given", "model"], () => byId("record-notes").textContent = passedOver(app.state.given, app.state.model));
	app.watch(["image", "model"], () => byId("record").disabled = app.state.image === null);
}
function row(app, session, feature) {
	const take = (value) => session.change(feature.name, value);
	const field = feature.kind === "number" ? new Gauge(feature, take) : new Choice(feature, take);
	const missing = h("input", {
		type: "checkbox",
		"aria-label": `${title(feature)} missing`,
		title: "missing"
	});
	const known = () => app.state.measured[feature.name] ?? fallback(feature);
	missing.addEventListener("change", () => take(missing.checked ? null : known()));
	const back = button("↺", () => take(app.state.measured[feature.name] ?? null), { class: "icon" });
	setAttributes(back, {
		"aria-label": `${title(feature)} back to measured`,
		title: "back to measured"
	});
	const [was, note] = [h("span", { class: "was" }), h("div", { class: "remark" })];
	const range = h("span", { class: "quiet" }, `${feature.normal ? `normal ${number(feature.normal[0])}–${number(feature.normal[1])}` : ""} ${unit(feature)}`.trim());
	const element = h("div", { class: "value" }, h("span", {
		class: "name",
		title: feature.title
	}, title(feature)), field.element, missing, back, range, was, note);
	app.watch([
		"current",
		"measured",
		"given",
		"use",
		"image"
	], () => {
		const { image, given, use } = app.state;
		const [value, measured] = [app.state.current[feature.name] ?? null, app.state.measured[feature.name] ?? null];
		field.show(value, measured);
		missing.checked = value === null;
		back.hidden = value === measured;
		element.classList.toggle("changed", value !== measured);
		element.classList.toggle("missing", value === null);
		was.textContent = image === null ? "" : measured === null ? "not measured" : `measured ${valueText(measured)}`;
		note.textContent = remark(value === measured ? given : use, feature.name) ?? "";
	});
	return element;
}
/** A value to begin with where none was measured: the middle of what is normal, seen or plausible. */
function fallback({ kind, categories, normal, seen, plausible }) {
	if (kind === "category") return categories?.[0] ?? null;
	const [low, high] = normal ?? (seen ? [seen.min, seen.max] : plausible ?? [0, 1]);
	return Math.round((low + high) / 2);
}
// src/panels/why.ts
function why(app) {
	app.watch([
		"focus",
		"explanation",
		"findings",
		"current",
		"model"
	], () => {
		const { focus, findings, explanation, model } = app.state;
		const finding = findings.find(({ id }) => id === focus);
		const box = explanation?.boxes[0];
		byId("why-title").textContent = finding === void 0 ? "" : `${finding.label} ${withCalibrated(finding)}`;
		byId("why-help").hidden = finding !== void 0;
		byId("why-waits").hidden = finding === void 0 || box !== void 0 || model?.fused === false;
		const stale = explanation?.record !== app.state.current;
		byId("why").classList.toggle("stale", stale);
		byId("why-sum").hidden = box === void 0;
		byId("why").replaceChildren(...box === void 0 ? [] : bars(app, box, explanation.record));
		if (explanation === null || box === void 0 || finding === void 0) return;
		const how = explanation.exact ? "exact over all combinations of values" : "estimated from samples of combinations";
		const parts = [
			`At this very place: no record ${score(box.baseline)} → with record ${score(box.full)}.`,
			stale ? "" : elsewhere(finding, box),
			`Shapley values, ${how}.`
		];
		byId("why-sum").textContent = parts.filter(Boolean).join(" ");
	});
}
/** Why the list has other numbers, where it has: it follows the model's box, the explanation stays at one place. */
function elsewhere({ now, imageOnly }, { baseline, full }) {
	return score(now) === score(full) && (imageOnly === null || score(imageOnly) === score(baseline)) ? "" : "The list follows the model's own box, which lies a little differently under each record.";
}
function bars({ state }, { values }, record) {
	const widest = Math.max(.01, ...Object.values(values).map(Math.abs));
	return [...state.model?.features ?? []].sort((one, other) => Math.abs(values[other.name] ?? 0) - Math.abs(values[one.name] ?? 0)).map((feature) => bar(record[feature.name], feature, values[feature.name] ?? 0, widest));
}
function bar(value, feature, adds, widest) {
	const length = 50 * Math.abs(adds) / widest;
	const rect = svg("rect", {
		class: adds < 0 ? "lowers" : "raises",
		x: `${adds < 0 ? 50 - length : 50}%`,
		y: 2,
		width: `${length}%`,
		height: 10
	});
	const zero = svg("line", {
		class: "zero",
		x1: "50%",
		x2: "50%",
		y1: 0,
		y2: 14
	});
	return h("li", {}, h("span", { class: "name" }, title(feature)), h("span", { class: "quiet number" }, valueText(value)), svg("svg", {
		class: "effect",
		"aria-hidden": "true"
	}, rect, zero), h("span", { class: "number" }, change(adds) || "0.00"));
}
// src/panels/worklist.ts
/** The images to read: those that the server serves, and those opened from this computer. */
var Worklist = class {
	app;
	session;
	constructor(app, session) {
		this.app = app;
		this.session = session;
		const list = byId("images");
		app.watch(["sources"], () => {
			list.replaceChildren(...app.state.sources.map((source) => this.row(source)));
			byId("no-images").hidden = app.state.sources.length > 0;
		});
		app.watch(["source", "sources"], () => this.mark(list));
	}
	/** The next image of the list, or the one before. */
	step(by) {
		const { sources, source } = this.app.state;
		const next = sources[source === null ? 0 : sources.indexOf(source) + by];
		if (next !== void 0) this.session.open(next);
	}
	/** Adds files of this computer in front and opens the first; one JSON file among them is their record. */
	async add(files) {
		const isRecord = ({ name, type }) => type === "application/json" || name.toLowerCase().endsWith(".json");
		const record = files.find(isRecord);
		const clinical = record === void 0 ? null : await record.text();
		const images = files.filter((file) => !isRecord(file));
		if (images.length === 0) return clinical === null ? void 0 : this.takeRecord(clinical);
		const added = images.map((file) => ({
			kind: "file",
			name: file.name,
			file,
			clinical
		}));
		this.app.set({ sources: [...added, ...this.app.state.sources] });
		await this.session.open(added[0]);
	}
	async takeRecord(text) {
		if (this.app.state.image === null) return this.refuse("a record needs an image", "open an image first, or drop both together");
		try {
			await this.session.take(JSON.parse(text));
		} catch (error) {
			if (!(error instanceof SyntaxError)) throw error;
			this.refuse("the record is not JSON", "give an object in the schema's units or a FHIR bundle");
		}
	}
	refuse(text, fix) {
		this.app.set({ message: {
			text,
			fix
		} });
	}
	row(source) {
		const open = button("", () => void this.session.open(source), { title: source.name });
		const from = source.kind === "file" ? "opened here" : "";
		open.append(h("span", { class: "name" }, source.name), h("span", { class: "quiet" }, from));
		return h("li", {}, open);
	}
	mark(list) {
		const { sources, source } = this.app.state;
		sources.forEach((one, index) => {
			const open = list.children[index]?.firstElementChild;
			if (!open) return;
			setAttributes(open, { "aria-current": one === source ? "true" : null });
			if (one === source) open.scrollIntoView({ block: "nearest" });
		});
	}
};
// src/image/pixels.ts
var SMALLEST = 256;
function pixelsOf(width, height, values) {
	const levels = [{
		width,
		height,
		values
	}];
	for (let last = levels[0]; Math.max(last.width, last.height) > SMALLEST; levels.push(last)) last = halved(last);
	let [low, high] = [65535, 0];
	for (const value of values) {
		if (value < low) low = value;
		if (value > high) high = value;
	}
	return {
		levels,
		low: Math.min(low, high),
		high
	};
}
/** Each pixel the mean of four; at odd edges the last row or column counts twice. */
function halved({ width, height, values }) {
	const [w, h] = [Math.ceil(width / 2), Math.ceil(height / 2)];
	const half = new Uint16Array(w * h);
	for (let y = 0; y < h; y++) {
		const top = 2 * y * width;
		const bottom = Math.min(2 * y + 1, height - 1) * width;
		for (let x = 0; x < w; x++) {
			const left = 2 * x;
			const right = Math.min(left + 1, width - 1);
			const sum = values[top + left] + values[top + right] + values[bottom + left] + values[bottom + right];
			half[y * w + x] = sum + 2 >> 2;
		}
	}
	return {
		width: w,
		height: h,
		values: half
	};
}
// src/latest.ts
/** Asks one question at a time; of those that come meanwhile only the last is asked. */
var Latest = class {
	ask;
	show;
	fail;
	busy = false;
	next = null;
	dropped = 0;
	constructor(ask, show, fail) {
		this.ask = ask;
		this.show = show;
		this.fail = fail;
	}
	put(question) {
		this.next = { question };
		if (!this.busy) this.run();
	}
	/** Forgets what waits, and the answer that is on its way. */
	drop() {
		this.next = null;
		this.dropped++;
	}
	async run() {
		this.busy = true;
		while (this.next !== null) {
			const { question } = this.next;
			const { dropped } = this;
			this.next = null;
			try {
				const answer = await this.ask(question);
				if (dropped === this.dropped) this.show(answer, question);
			} catch (error) {
				if (dropped === this.dropped) this.fail(error);
			}
		}
		this.busy = false;
	}
};
// src/session.ts
/** Opens images, asks the model, and keeps the answers in the store. */
/** What belongs to an image, while there is none. */
var NO_IMAGE = {
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
	answeredIn: null
};
/** Milliseconds after which a slider is taken to rest. */
var REST = 250;
var Session = class {
	app;
	api;
	opening = 0;
	/** What was found under the measured record. */
	found = [];
	waiting;
	whatIf = new Latest(async ({ values, asked }) => (await this.onImage((id) => this.api.whatIf(id, [values], asked)))[0], (result, { asked, since }) => {
		const findings = under(result, asked, this.app.state.findings);
		this.app.set({
			findings,
			use: result.clinical,
			message: null
		});
		this.dropLostFocus();
		requestAnimationFrame(() => {
			const { duration } = performance.measure("what-if", { start: since });
			this.app.set({ answeredIn: duration });
		});
		this.explainSoon();
	}, (error) => this.report(error));
	why = new Latest(({ values, finding }) => this.onImage((id) => this.api.explain(id, values, finding)), (explanation, { values, finding }) => {
		if (this.app.state.focus === finding.id) this.app.set({ explanation: {
			...explanation,
			record: values
		} });
	}, (error) => this.report(error));
	constructor(app, api) {
		this.app = app;
		this.api = api;
	}
	async start() {
		const [model, images] = await Promise.all([this.api.model(), this.api.worklist()]);
		const point = model.operating?.points[0] ?? null;
		const sources = images.map((image) => ({
			kind: "worklist",
			name: image.name,
			image
		}));
		this.app.set({
			model,
			point,
			sources,
			message: null
		});
	}
	/** Takes the image before away at once, shows the new one as soon as it is decoded, and asks the model then. */
	async open(source) {
		const turn = ++this.opening;
		performance.mark("image");
		this.forget();
		this.app.set({
			...NO_IMAGE,
			source,
			detecting: true,
			message: null
		});
		try {
			const info = await this.fetchInfo(source);
			const pixels = pixelsOf(info.width, info.height, await this.api.pixels(info));
			if (turn !== this.opening) return;
			this.show({
				source,
				info,
				pixels
			});
			await this.detect(void 0);
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
	async detect(record) {
		const { image } = this.app.state;
		if (image === null) return;
		const clinical = record === void 0 ? image.info.clinical?.values ?? null : record;
		const answer = await this.onImage((id) => this.api.detect(id, clinical));
		if (this.app.state.image?.source !== image.source) return;
		this.forget();
		const findings = this.found = findingsOf(answer.detections);
		const values = answer.clinical?.values ?? {};
		const { clinical: use, image_only: imageOnly } = answer;
		const given = (record === void 0 ? image.info.clinical : null) ?? use;
		this.app.set({
			findings,
			imageOnly,
			measured: values,
			current: values,
			given,
			use,
			focus: null,
			explanation: null
		});
		await this.scoreWithoutRecord(findings);
	}
	/** As `detect`, with what goes wrong shown on the page. */
	async take(record) {
		const turn = this.opening;
		this.app.set({
			detecting: true,
			message: null
		});
		await this.detect(record).catch((error) => this.report(error));
		if (turn === this.opening) this.app.set({ detecting: false });
	}
	/** Moves one value of the record away from the measured one, and asks what the model would say. */
	change(name, value) {
		this.ask({
			...this.app.state.current,
			[name]: value
		});
	}
	/** Back to the measured record. */
	reset() {
		this.ask(this.app.state.measured);
	}
	focus(id) {
		this.app.set({
			focus: id,
			explanation: null
		});
		this.explain();
	}
	report(error) {
		if (!(error instanceof ApiError)) throw error;
		this.app.set({ message: {
			text: error.message,
			fix: error.fix
		} });
	}
	/** Of several files it says which; one that can never be opened does not stay in the list. */
	refuse(source, { message, fix }) {
		const sources = this.app.state.sources.filter((one) => one !== source || one.kind === "worklist");
		this.app.set({
			sources,
			message: {
				text: `${source.name}: ${message}`,
				fix
			}
		});
	}
	ask(values) {
		if (this.app.state.image === null) return;
		const since = performance.now();
		clearTimeout(this.waiting);
		this.app.set({ current: values });
		const asked = this.app.state.findings.filter((finding) => !finding.added);
		this.whatIf.put({
			values,
			asked,
			since
		});
	}
	explain() {
		const { focus, findings, current, model } = this.app.state;
		const finding = findings.find(({ id }) => id === focus);
		if (finding !== void 0 && model?.fused === true) this.why.put({
			values: current,
			finding
		});
	}
	/** Not while a slider moves: the explanation takes longer than a score, and would hold the next one up. */
	explainSoon() {
		clearTimeout(this.waiting);
		this.waiting = setTimeout(() => this.explain(), REST);
	}
	/** Answers on their way are of another image or record, and must not reach this one. */
	forget() {
		this.whatIf.drop();
		this.why.drop();
		clearTimeout(this.waiting);
	}
	dropLostFocus() {
		const { focus, findings } = this.app.state;
		if (focus !== null && !findings.some(({ id }) => id === focus)) this.focus(null);
	}
	async scoreWithoutRecord(asked) {
		if (asked.length === 0 || this.app.state.model?.fused !== true) return;
		const [result] = await this.onImage((id) => this.api.whatIf(id, [{}], asked));
		if (this.found !== asked) return;
		const alone = new Map(withoutRecord(result, asked).map(({ id, imageOnly }) => [id, imageOnly]));
		const withScore = (finding) => ({
			...finding,
			imageOnly: alone.get(finding.id) ?? null
		});
		this.app.set({ findings: this.app.state.findings.map(withScore) });
	}
	show(image) {
		const { window, invert } = image.info;
		this.app.set({
			image,
			window,
			invert
		});
		requestAnimationFrame(() => performance.measure("image", "image"));
	}
	fetchInfo = (source) => source.kind === "file" ? this.api.upload(source.file, source.clinical) : this.api.open(source.image.id);
	/** The server keeps an image for a while only: what it has let go is sent again. */
	async onImage(ask) {
		const image = this.app.state.image;
		try {
			return await ask(image.info.id);
		} catch (error) {
			if (!(error instanceof ApiError) || error.code !== "image_gone") throw error;
			const info = await this.fetchInfo(image.source);
			if (this.app.state.image === image) this.app.set({ image: {
				...image,
				info
			} });
			return ask(info.id);
		}
	}
	/** What-if of now, as a sentence; null when the sliders show the measured record. */
	get whatIfText() {
		const { measured, current } = this.app.state;
		const moved = changes(this.app.state).map((name) => `${name} ${said(measured[name])} → ${said(current[name])}`);
		return moved.length === 0 ? null : `What-if: ${moved.join(", ")}`;
	}
};
/** Whether the server will never take it: too large, no image, or not one of a chest from the front. */
var refused = (error) => error instanceof ApiError && (error.status === 413 || error.status === 422);
var said = (value) => String(value ?? "missing");
// src/image/gestures.ts
/** A pointer that moves less than this many pixels clicks. */
var STILL = 4;
function listen(pane, act) {
	const down = /* @__PURE__ */ new Map();
	let traveled = 0;
	const at = (event) => {
		const { left, top } = pane.getBoundingClientRect();
		return {
			x: event.clientX - left,
			y: event.clientY - top
		};
	};
	pane.addEventListener("pointerdown", (event) => {
		down.set(event.pointerId, at(event));
		if (down.size === 1) traveled = 0;
	});
	pane.addEventListener("pointermove", (event) => {
		const [now, before] = [at(event), down.get(event.pointerId)];
		act.hover(now);
		if (before === void 0) return;
		const [dx, dy] = [now.x - before.x, now.y - before.y];
		traveled += Math.hypot(dx, dy);
		if (traveled > STILL && !pane.hasPointerCapture(event.pointerId)) pane.setPointerCapture(event.pointerId);
		const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
		down.set(event.pointerId, now);
		if (other !== void 0) pinch(before, now, other, act);
		else if (traveled <= STILL) return;
		else if ((event.buttons & 1) === 0 || event.shiftKey) act.pan(dx, dy);
		else act.drag(dx, dy);
	});
	const release = (event) => {
		if (down.delete(event.pointerId) && event.type === "pointerup" && traveled <= STILL && event.button === 0) act.click(at(event), event.target);
	};
	pane.addEventListener("pointerup", release);
	pane.addEventListener("pointercancel", release);
	pane.addEventListener("pointerleave", () => act.hover(null));
	pane.addEventListener("contextmenu", (event) => event.preventDefault());
	const wheel = (event) => {
		event.preventDefault();
		act.zoom(at(event), Math.exp(-event.deltaY * (event.deltaMode === 0 ? .0015 : .05)));
	};
	pane.addEventListener("wheel", wheel, { passive: false });
}
/** Of two fingers one moved: the image follows their middle and their distance. */
function pinch(before, now, other, act) {
	const apart = Math.hypot(before.x - other.x, before.y - other.y);
	act.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
	if (apart > 0) act.zoom({
		x: (now.x + other.x) / 2,
		y: (now.y + other.y) / 2
	}, Math.hypot(now.x - other.x, now.y - other.y) / apart);
}
// src/image/boxes.ts
var BoxLayer = class {
	drawn = /* @__PURE__ */ new Map();
	outlines = svg("g", { "aria-hidden": "true" });
	/** Above all lines: a line through a label would make another number of it. */
	labels = svg("g");
	constructor(overlay) {
		overlay.append(this.outlines, this.labels);
	}
	/** Keeps the elements of a box that stays, so that it keeps the keyboard's focus. */
	show(marks, view, pane) {
		const kept = new Set(marks.map(({ id }) => id));
		for (const [id, { outline, label }] of this.drawn) {
			if (kept.has(id)) continue;
			outline.remove();
			label.remove();
			this.drawn.delete(id);
		}
		const labels = placed(marks, view, pane);
		marks.forEach((mark, index) => this.place(mark, onPane(mark.box, view), labels[index]));
		this.outlines.append(...marks.map(({ id }) => this.drawn.get(id).outline).reverse());
	}
	place(mark, [x, y, width, height], label) {
		const drawn = this.drawn.get(mark.id) ?? this.add(mark.id);
		const { color, dashes } = mark.line;
		const state = [mark.focused && "focused", mark.faded && "faded"].filter(Boolean).join(" ");
		setAttributes(drawn.outline, { class: `outline ${state}` });
		setAttributes(drawn.halo, {
			x,
			y,
			width,
			height
		});
		setAttributes(drawn.line, {
			x,
			y,
			width,
			height,
			stroke: color,
			"stroke-dasharray": dashes
		});
		const pressed = String(mark.focused);
		setAttributes(drawn.label, {
			"aria-label": mark.spoken,
			"aria-pressed": pressed,
			class: `box ${state}`
		});
		setAttributes(drawn.ground, {
			x: label.x,
			y: label.y,
			width: label.width,
			height: 18
		});
		setAttributes(drawn.bar, {
			x: label.x,
			y: label.y,
			width: 4,
			height: 18,
			fill: color
		});
		setAttributes(drawn.text, {
			x: label.x + 4 + 4,
			y: label.y + 18 - 5
		});
		drawn.text.textContent = mark.text;
	}
	add(id) {
		const [halo, line, ground, bar] = [
			0,
			1,
			2,
			3
		].map(() => svg("rect"));
		const text = svg("text");
		const [outline, label] = [svg("g", { "data-id": id }), svg("g", {
			"data-id": id,
			tabindex: 0,
			role: "button"
		})];
		Object.entries({
			halo,
			line,
			ground
		}).forEach(([name, part]) => part.setAttribute("class", name));
		outline.append(halo, line);
		label.append(ground, bar, text);
		this.labels.append(label);
		const drawn = {
			outline,
			halo,
			line,
			label,
			ground,
			bar,
			text
		};
		this.drawn.set(id, drawn);
		return drawn;
	}
	drawInto(context, marks, view, pane) {
		const labels = placed(marks, view, pane);
		for (const mark of [...marks].reverse()) drawBox(context, mark, onPane(mark.box, view));
		marks.forEach((mark, index) => drawLabel(context, mark, labels[index]));
	}
};
function drawBox(context, { line, focused, faded }, place) {
	context.setLineDash([]);
	[context.lineWidth, context.strokeStyle] = [focused ? 7 : 4, "rgb(0 0 0 / 65%)"];
	context.strokeRect(...place);
	context.globalAlpha = faded ? .7 : 1;
	context.setLineDash(line.dashes.split(" ").filter(Boolean).map(Number));
	[context.lineWidth, context.strokeStyle] = [focused ? 3.5 : faded ? 1 : 2, line.color];
	context.strokeRect(...place);
	context.globalAlpha = 1;
}
function drawLabel(context, { line, text, faded }, { x, y, width }) {
	context.font = LABEL_FONT;
	context.fillStyle = "rgb(8 10 12 / 88%)";
	context.fillRect(x, y, width, 18);
	context.fillStyle = line.color;
	context.fillRect(x, y, 4, 18);
	context.fillStyle = faded ? "#9aa6b0" : "#eef2f5";
	context.fillText(text, x + 4 + 4, y + 18 - 5);
}
function onPane([x1, y1, x2, y2], { scale, x, y }) {
	return [
		x1 * scale + x,
		y1 * scale + y,
		(x2 - x1) * scale,
		(y2 - y1) * scale
	];
}
// src/image/paint.ts
/** RGBA of what is beside the image. */
var BESIDE = 4278190080;
/**
* @param out `target.width * target.height` RGBA pixels.
* @param view Where the image lies in the target, in the target's pixels.
* @param table RGBA of each stored value.
*/
function paint(out, target, pixels, view, table) {
	const steps = Math.min(pixels.levels.length - 1, Math.max(0, Math.floor(Math.log2(1 / view.scale))));
	const level = pixels.levels[steps];
	const { width, values } = level;
	const full = pixels.levels[0];
	const columns = taps(target.width, full.width, view.x, view.scale, 2 ** steps, width);
	const rows = taps(target.height, full.height, view.y, view.scale, 2 ** steps, level.height);
	for (let y = 0, at = 0; y < target.height; y++) {
		if (rows.first[y] < 0) {
			out.fill(BESIDE, at, at + target.width);
			at += target.width;
			continue;
		}
		const top = rows.first[y] * width;
		const bottom = rows.second[y] * width;
		const down = rows.share[y];
		for (let x = 0; x < target.width; x++, at++) {
			const left = columns.first[x];
			if (left < 0) {
				out[at] = BESIDE;
				continue;
			}
			const right = columns.second[x];
			const along = columns.share[x];
			const upper = values[top + left] + (values[top + right] - values[top + left]) * along;
			const lower = values[bottom + left] + (values[bottom + right] - values[bottom + left]) * along;
			out[at] = table[upper + (lower - upper) * down + .5 | 0];
		}
	}
}
/** Which two pixels of a level each target pixel lies between along one axis, and how far; -1 beside the image. */
function taps(count, image, offset, scale, step, pixels) {
	const first = new Int32Array(count).fill(-1);
	const second = new Int32Array(count);
	const share = new Float32Array(count);
	for (let index = 0; index < count; index++) {
		const place = (index + .5 - offset) / scale;
		if (place < 0 || place >= image) continue;
		const center = Math.min(pixels - 1, Math.max(0, place / step - .5));
		first[index] = Math.floor(center);
		second[index] = Math.min(pixels - 1, first[index] + 1);
		share[index] = center - first[index];
	}
	return {
		first,
		second,
		share
	};
}
// src/image/pane.ts
/** One picture of the image: a canvas for the gray, above it an SVG for the boxes. */
var Pane = class {
	element;
	boxes;
	canvas = h("canvas", { "aria-hidden": "true" });
	image = null;
	constructor(caption) {
		const overlay = svg("svg", { class: "boxes" });
		this.boxes = new BoxLayer(overlay);
		this.element = h("div", { class: "pane" }, this.canvas, overlay, h("div", { class: "caption" }, caption));
	}
	/** In CSS pixels. */
	get size() {
		return {
			width: this.element.clientWidth,
			height: this.element.clientHeight
		};
	}
	paintImage(pixels, view, table) {
		const ratio = window.devicePixelRatio;
		const [width, height] = [Math.round(this.size.width * ratio), Math.round(this.size.height * ratio)];
		const context = this.canvas.getContext("2d", { alpha: false });
		if (context === null || width === 0 || height === 0) return;
		if (this.image?.width !== width || this.image.height !== height) {
			[this.canvas.width, this.canvas.height] = [width, height];
			this.image = context.createImageData(width, height);
		}
		const onDevice = {
			scale: view.scale * ratio,
			x: view.x * ratio,
			y: view.y * ratio
		};
		paint(new Uint32Array(this.image.data.buffer), {
			width,
			height
		}, pixels, onDevice, table);
		context.putImageData(this.image, 0, 0);
	}
	/** Draws what the pane shows, gray and boxes, into another canvas of the same scale. */
	drawInto(context, x, marks, view) {
		const ratio = window.devicePixelRatio;
		context.drawImage(this.canvas, x * ratio, 0);
		context.save();
		context.scale(ratio, ratio);
		context.translate(x, 0);
		context.beginPath();
		context.rect(0, 0, this.size.width, this.size.height);
		context.clip();
		this.boxes.drawInto(context, marks, view, this.size);
		context.restore();
	}
};
// src/image/view.ts
var LARGEST = 32;
/** The whole image, as large as the pane allows, in its middle. */
function fit(image, pane) {
	return centered(image, pane, Math.min(pane.width / image.width, pane.height / image.height));
}
/** The image in the middle of the pane at the given scale. */
function centered(image, pane, scale) {
	return {
		scale,
		x: (pane.width - image.width * scale) / 2,
		y: (pane.height - image.height * scale) / 2
	};
}
/** Larger or smaller by a factor, while the image's point below `at` stays where it is. */
function zoomed(view, at, factor, smallest) {
	const scale = Math.min(LARGEST, Math.max(smallest, view.scale * factor));
	const change = scale / view.scale;
	return {
		scale,
		x: at.x - (at.x - view.x) * change,
		y: at.y - (at.y - view.y) * change
	};
}
/** Moved by so many pane pixels. */
function panned(view, dx, dy) {
	return {
		scale: view.scale,
		x: view.x + dx,
		y: view.y + dy
	};
}
function toImage(view, at) {
	return {
		x: (at.x - view.x) / view.scale,
		y: (at.y - view.y) / view.scale
	};
}
/** The view after the pane changed its size: its middle shows the same point of the image. */
function resized(view, before, after) {
	return panned(view, (after.width - before.width) / 2, (after.height - before.height) / 2);
}
// src/image/window.ts
/** Gray 0 ... 255 of one stored value. */
function gray(value, { center, width }, invert) {
	const share = width <= 1 ? Number(value > center - .5) : (value - (center - .5)) / (width - 1) + .5;
	const level = Math.round(255 * Math.min(1, Math.max(0, share)));
	return invert ? 255 - level : level;
}
/** Opaque gray RGBA, as one 32-bit number, of each value that an image of so many bits can hold. */
function lookup(bits, window, invert) {
	const table = new Uint32Array(2 ** bits);
	for (let value = 0; value < table.length; value++) table[value] = (4278190080 | gray(value, window, invert) * 65793) >>> 0;
	return table;
}
/** The window after a drag: to the right is wider, down is a higher center, a whole image's range in 700 pixels. */
function dragged(window, dx, dy, range) {
	const step = range / 700;
	return {
		center: window.center + dy * step,
		width: Math.max(1, window.width + dx * step)
	};
}
/** The window from the smallest to the largest value of an image. */
function fullRange(low, high) {
	return {
		center: (low + high + 1) / 2,
		width: Math.max(1, high - low + 1)
	};
}
// src/stage.ts
var Stage = class {
	app;
	session;
	fused = new Pane("with record");
	alone = new Pane("image only");
	element = byId("stage");
	queued = false;
	size = {
		width: 0,
		height: 0
	};
	constructor(app, session) {
		this.app = app;
		this.session = session;
		byId("panes").append(this.fused.element, this.alone.element);
		for (const pane of [this.fused, this.alone]) this.listenTo(pane);
		new ResizeObserver(() => this.fitToPane()).observe(this.fused.element);
		app.watch([
			"compare",
			"image",
			"source",
			"model"
		], () => this.arrange());
		app.watch([
			"image",
			"window",
			"invert",
			"view",
			"findings",
			"imageOnly",
			"focus",
			"threshold",
			"point",
			"hidden",
			"boxes"
		], () => this.draw());
	}
	/** Where the image lies now, in CSS pixels of a pane. */
	get view() {
		const { view, image } = this.app.state;
		return view ?? fit(image?.info ?? {
			width: 1,
			height: 1
		}, this.fused.size);
	}
	marks = () => {
		const { state } = this.app;
		if (!state.boxes) return [];
		return visible(state).map((finding) => ({
			id: finding.id,
			box: finding.box,
			text: withChange(finding),
			spoken: spoken(finding),
			line: this.line(finding.label),
			focused: finding.id === state.focus,
			faded: faded(state, finding)
		}));
	};
	marksWithoutRecord = () => {
		const { state } = this.app;
		if (!state.boxes) return [];
		const shown = ({ label, score: value }) => !state.hidden.has(label) && value >= thresholdOf(state, label);
		return state.imageOnly.filter(shown).map(({ box, label, score: value }, id) => ({
			id,
			box,
			text: `${label} ${score(value)}`,
			spoken: `${label} ${score(value)} by the image alone`,
			line: this.line(label),
			focused: false,
			faded: false
		}));
	};
	zoom(factor, at = {
		x: this.fused.size.width / 2,
		y: this.fused.size.height / 2
	}) {
		const { image } = this.app.state;
		if (image === null) return;
		const whole = fit(image.info, this.fused.size);
		const view = zoomed(this.view, at, factor, Math.min(whole.scale, 1));
		this.app.set({ view: view.scale <= whole.scale ? null : view });
	}
	/** One pixel of the image is one of the screen, and lies exactly on it. */
	actualSize() {
		const { image } = this.app.state;
		if (image === null) return;
		const ratio = window.devicePixelRatio;
		const { scale, x, y } = centered(image.info, this.fused.size, 1 / ratio);
		this.app.set({ view: {
			scale,
			x: Math.round(x * ratio) / ratio,
			y: Math.round(y * ratio) / ratio
		} });
	}
	pan(dx, dy) {
		if (this.app.state.image !== null) this.app.set({ view: panned(this.view, dx, dy) });
	}
	moveWindow(dx, dy) {
		const { image, window } = this.app.state;
		if (image === null) return;
		const { low, high } = image.pixels;
		this.app.set({ window: dragged(window, dx, dy, Math.max(16, high - low)) });
	}
	wholeRange() {
		const { image } = this.app.state;
		if (image !== null) this.app.set({ window: fullRange(image.pixels.low, image.pixels.high) });
	}
	/** Window, polarity and place as the image came. */
	reset() {
		const { image } = this.app.state;
		if (image !== null) this.app.set({
			window: image.info.window,
			invert: image.info.invert,
			view: null
		});
	}
	/** The next shown finding, or the one before, as the list has them. */
	step(by) {
		const shown = visible(this.app.state);
		if (shown.length === 0) return;
		const now = shown.findIndex(({ id }) => id === this.app.state.focus);
		const next = shown[(now < 0 && by < 0 ? shown.length - 1 : now + by + shown.length) % shown.length];
		this.session.focus(next.id);
	}
	takeKeyboard() {
		this.element.focus();
	}
	line = (label) => {
		const classes = this.app.state.model?.classes ?? [];
		const index = classes.findIndex(({ name }) => name === label);
		return lineStyle(classes[index]?.color ?? "#c8c8c8", Math.max(0, index));
	};
	listenTo(pane) {
		listen(pane.element, {
			drag: (dx, dy) => this.app.state.tool === "pan" ? this.pan(dx, dy) : this.moveWindow(dx, dy),
			pan: (dx, dy) => this.pan(dx, dy),
			zoom: (at, factor) => this.zoom(factor, at),
			click: (at, target) => this.click(pane, at, target),
			hover: (at) => this.readOut(at)
		});
		pane.element.addEventListener("keydown", (event) => {
			const id = idOf(event.target);
			if (id === null || event.key !== "Enter" && event.key !== " " || pane !== this.fused) return;
			event.preventDefault();
			this.session.focus(this.app.state.focus === id ? null : id);
		});
	}
	click(pane, at, target) {
		this.element.focus({ preventScroll: true });
		if (pane !== this.fused || !this.app.state.boxes) return;
		const { x, y } = toImage(this.view, at);
		const id = idOf(target) ?? hit(visible(this.app.state), x, y)?.id ?? null;
		if (id !== this.app.state.focus) this.session.focus(id);
	}
	readOut(at) {
		const { image } = this.app.state;
		const text = at === null || image === null ? "" : this.valueAt(toImage(this.view, at));
		byId("read-out").textContent = text;
	}
	valueAt({ x, y }) {
		const { width, height, values } = this.app.state.image.pixels.levels[0];
		const [column, row] = [Math.floor(x), Math.floor(y)];
		if (column < 0 || row < 0 || column >= width || row >= height) return "";
		return `x ${column}  y ${row}  value ${values[row * width + column]}`;
	}
	arrange() {
		const { compare, image, source, model } = this.app.state;
		this.alone.element.hidden = !compare;
		byId("panes").classList.toggle("compared", compare);
		byId("drop-hint").hidden = source !== null || model === null;
		this.element.classList.toggle("empty", image === null);
	}
	fitToPane() {
		const { view } = this.app.state;
		const before = this.size;
		this.size = this.fused.size;
		if (view !== null && before.width > 0) this.app.set({ view: resized(view, before, this.size) });
		this.draw();
	}
	draw() {
		if (this.queued) return;
		this.queued = true;
		requestAnimationFrame((start) => {
			this.queued = false;
			this.drawNow();
			performance.measure("draw", { start });
		});
	}
	drawNow() {
		const { image, window, invert, compare } = this.app.state;
		if (image === null) return;
		const { view } = this;
		const table = lookup(image.info.bits, window, invert);
		this.fused.paintImage(image.pixels, view, table);
		this.fused.boxes.show(this.marks(), view, this.fused.size);
		if (compare) {
			this.alone.paintImage(image.pixels, view, table);
			this.alone.boxes.show(this.marksWithoutRecord(), view, this.alone.size);
		}
		const settings = `C ${Math.round(window.center)}  W ${Math.round(window.width)}  ${Math.round(view.scale * 100)} %`;
		byId("image-settings").textContent = invert ? `${settings}  inverted` : settings;
	}
};
function idOf(target) {
	const id = target instanceof Element ? target.closest("[data-id]")?.getAttribute("data-id") : null;
	return id === null || id === void 0 ? null : Number(id);
}
// src/status.ts
/** What the page says about itself: model, image, what-if, trouble, how fast it was. */
function status(app, session) {
	app.watch(["model"], () => {
		const { model } = app.state;
		if (model === null) return;
		byId("model-name").textContent = `${model.name} ${model.version}  ${model.sha256.slice(0, 12)}`;
		byId("made-up").textContent = madeUp(model);
		byId("model-name").title = `SHA-256 ${model.sha256}`;
	});
	app.watch(["image"], () => {
		const info = app.state.image?.info;
		const about = info && [
			info.kind.toUpperCase(),
			`${info.width} × ${info.height}`,
			`${info.bits} bit`,
			info.view
		];
		byId("image-about").textContent = about?.filter(Boolean).join("  ") ?? "";
	});
	app.watch(["current", "measured"], () => {
		const text = session.whatIfText;
		byId("what-if-badge").hidden = text === null;
		byId("what-if-badge").textContent = text;
	});
	app.watch(["message"], () => {
		const { message } = app.state;
		byId("message").hidden = message === null;
		byId("message-text").textContent = message === null ? "" : [message.text, message.fix].filter(Boolean).join(": ");
	});
	byId("message-close").addEventListener("click", () => app.set({ message: null }));
	app.watch([
		"image",
		"detecting",
		"findings",
		"focus",
		"answeredIn",
		"model"
	], () => {
		byId("status").textContent = doing(app);
		const { answeredIn } = app.state;
		byId("timing").textContent = answeredIn === null ? "" : `what-if answered in ${Math.round(answeredIn)} ms`;
	});
}
function doing({ state }) {
	if (state.model === null) return "Loading the model …";
	if (state.detecting) return state.image === null ? "Opening the image …" : "Detecting …";
	if (state.image === null) return "Ready";
	const chosen = state.findings.find(({ id }) => id === state.focus);
	const count = visible(state).length;
	const shown = count === 1 ? "1 finding shown" : `${count} findings shown`;
	return chosen === void 0 ? shown : `${shown}, chosen: ${withChange(chosen)}`;
}
// src/main.ts
var app = newApp();
var api = new Api();
var session = new Session(app, api);
var stage = new Stage(app, session);
var worklist = new Worklist(app, session);
new Exports(app, session, api, stage);
filters(app);
list(app, session);
record(app, session);
why(app);
status(app, session);
takeFiles((files) => void worklist.add(files));
var all = commands(app, session, stage, worklist);
wire(app, all);
listenToKeys(all);
start();
async function start() {
	try {
		await session.start();
	} catch (error) {
		if (!(error instanceof ApiError) || error.status !== 401) return session.report(error);
		api.token = await login();
		await start();
	}
}
