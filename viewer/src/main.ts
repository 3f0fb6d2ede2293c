/** Puts the page together. */

import "./style.css";

import { Api, ApiError } from "./api.ts";
import { commands, wire } from "./commands.ts";
import { takeFiles } from "./drop.ts";
import { Exports } from "./exports.ts";
import { listenToKeys } from "./keys.ts";
import { login } from "./login.ts";
import { filters } from "./panels/filters.ts";
import { list } from "./panels/list.ts";
import { record } from "./panels/record.ts";
import { why } from "./panels/why.ts";
import { Worklist } from "./panels/worklist.ts";
import { Session } from "./session.ts";
import { Stage } from "./stage.ts";
import { newApp } from "./state.ts";
import { status } from "./status.ts";

const app = newApp();
const api = new Api();
const session = new Session(app, api);
const stage = new Stage(app, session);
const worklist = new Worklist(app, session);
new Exports(app, session, api, stage);
filters(app);
list(app, session);
record(app, session);
why(app);
status(app, session);
takeFiles((files) => void worklist.add(files));
const all = commands(app, session, stage, worklist);
wire(app, all);
listenToKeys(all);
void start();

async function start(): Promise<void> {
  try {
    await session.start();
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) return session.report(error);
    api.token = await login();
    await start();
  }
}
