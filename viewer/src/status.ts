/** What the page says about itself: model, image, what-if, trouble, how fast it was. */

import { byId } from "./dom.ts";
import { visible } from "./findings.ts";
import type { Session } from "./session.ts";
import type { App } from "./state.ts";
import { madeUp, withChange } from "./words.ts";

export function status(app: App, session: Session): void {
  app.watch(["model"], () => {
    const { model } = app.state;
    if (model === null) return;
    byId("model-name").textContent = `${model.name} ${model.version}  ${model.sha256.slice(0, 12)}`;
    byId("made-up").textContent = madeUp(model);
    byId("model-name").title = `SHA-256 ${model.sha256}`;
  });
  app.watch(["image"], () => {
    const info = app.state.image?.info;
    const about = info && [info.kind.toUpperCase(), `${info.width} × ${info.height}`, `${info.bits} bit`, info.view];
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
  app.watch(["image", "detecting", "findings", "focus", "answeredIn", "model"], () => {
    byId("status").textContent = doing(app);
    const { answeredIn } = app.state;
    byId("timing").textContent = answeredIn === null ? "" : `what-if answered in ${Math.round(answeredIn)} ms`;
  });
}

function doing({ state }: App): string {
  if (state.model === null) return "Loading the model …";
  if (state.detecting) return state.image === null ? "Opening the image …" : "Detecting …";
  if (state.image === null) return "Ready";
  const chosen = state.findings.find(({ id }) => id === state.focus);
  const count = visible(state).length;
  const shown = count === 1 ? "1 finding shown" : `${count} findings shown`;
  return chosen === undefined ? shown : `${shown}, chosen: ${withChange(chosen)}`;
}
