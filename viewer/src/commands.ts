/** What a person can do to the view, by button or by key: one table for both. */

import { byId } from "./dom.ts";
import type { Key } from "./keys.ts";
import type { Worklist } from "./panels/worklist.ts";
import type { Session } from "./session.ts";
import type { Stage } from "./stage.ts";
import type { App, State } from "./state.ts";

export interface Command extends Key {
  /** Id of the button that does the same. */
  readonly button?: string;
  /** Whether that button is held down. */
  readonly pressed?: (state: Readonly<State>) => boolean;
}

const MOVES: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export function commands(app: App, session: Session, stage: Stage, worklist: Worklist): readonly Command[] {
  return [...onImage(stage), ...onLooks(app, stage), ...onFindings(app, session, stage), ...onImages(worklist)];
}

export function wire(app: App, all: readonly Command[]): void {
  for (const { button, pressed, run } of all) {
    if (button === undefined) continue;
    const element = byId(button);
    element.addEventListener("click", () => run(""));
    if (pressed !== undefined)
      app.watch(["tool", "invert", "boxes", "compare"], () =>
        element.setAttribute("aria-pressed", String(pressed(app.state))),
      );
  }
}

function onImage(stage: Stage): readonly Command[] {
  const arrows = { keys: Object.keys(MOVES), onImage: true };
  const windowed = (key: string) => stage.moveWindow(...by(key, 20));
  const by = (key: string, pixels: number) => MOVES[key]!.map((way) => way * pixels) as [number, number];
  return [
    { ...arrows, shown: "← → ↑ ↓", does: "Move", shift: false, run: (key) => stage.pan(...by(key, -40)) },
    { ...arrows, shown: "Shift ← → ↑ ↓", does: "Window", shift: true, run: windowed },
    { keys: ["+", "="], shown: "+", does: "Larger", button: "zoom-in", run: () => stage.zoom(1.25) },
    { keys: ["-"], shown: "−", does: "Smaller", button: "zoom-out", run: () => stage.zoom(0.8) },
    { keys: ["1"], shown: "1", does: "Image pixel for screen pixel", button: "actual", run: () => stage.actualSize() },
    { keys: ["w"], shown: "W", does: "Window over the full range", button: "range", run: () => stage.wholeRange() },
    { keys: ["r"], shown: "R", does: "As the image came", button: "reset", run: () => stage.reset() },
  ];
}

function onLooks(app: App, stage: Stage): readonly Command[] {
  const tool = (name: State["tool"]): Command => ({
    keys: [],
    shown: "",
    does: "",
    button: `tool-${name}`,
    pressed: (state) => state.tool === name,
    run: () => app.set({ tool: name }),
  });
  const toggled = (name: "invert" | "boxes" | "compare", key: string, does: string): Command => ({
    keys: [key],
    shown: key.toUpperCase(),
    does,
    button: name,
    pressed: (state) => state[name],
    run: () => app.set({ [name]: !app.state[name] }),
  });
  const other = () => app.set({ tool: app.state.tool === "window" ? "pan" : "window" });
  return [
    tool("window"),
    tool("pan"),
    { keys: ["f"], shown: "F", does: "Whole image", button: "fit", run: () => app.set({ view: null }) },
    { keys: ["d"], shown: "D", does: "Dragging windows or moves", run: other },
    toggled("invert", "i", "Invert"),
    toggled("boxes", "b", "Boxes on or off"),
    toggled("compare", "c", "Image only beside, on or off"),
    { keys: ["l"], shown: "L", does: "To the image", run: () => stage.takeKeyboard() },
  ];
}

function onFindings(app: App, session: Session, stage: Stage): readonly Command[] {
  const raise = (by: number) => app.set({ threshold: Math.min(1, Math.max(0, app.state.threshold + by)), point: null });
  return [
    { keys: ["n"], shown: "N", does: "Next finding", run: () => stage.step(1) },
    { keys: ["p"], shown: "P", does: "Finding before", run: () => stage.step(-1) },
    { keys: ["Escape"], shown: "Esc", does: "No finding chosen", run: () => session.focus(null) },
    { keys: ["["], shown: "[", does: "Lower threshold", run: () => raise(-0.05) },
    { keys: ["]"], shown: "]", does: "Higher threshold", run: () => raise(0.05) },
    { keys: ["m"], shown: "M", does: "Record back to measured", button: "reset-record", run: () => session.reset() },
  ];
}

function onImages(worklist: Worklist): readonly Command[] {
  const showKeys = () => byId<HTMLDialogElement>("keys").showModal();
  return [
    { keys: ["PageDown"], shown: "Page↓", does: "Next image", run: () => worklist.step(1) },
    { keys: ["PageUp"], shown: "Page↑", does: "Image before", run: () => worklist.step(-1) },
    { keys: ["o"], shown: "O", does: "Open image", button: "open", run: () => byId("file").click() },
    { keys: ["e"], shown: "E", does: "Export", run: () => byId("exports").showPopover() },
    { keys: ["?", "h"], shown: "?", does: "These keys", button: "help", run: showKeys },
  ];
}
