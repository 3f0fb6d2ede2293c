import assert from "node:assert/strict";
import { test } from "node:test";

import { Latest } from "../src/latest.ts";

/** A server whose answers come when told to. */
function slow() {
  const asked: number[] = [];
  const shown: string[] = [];
  const waiting: ((answer: string) => void)[] = [];
  const latest = new Latest<number, string>(
    (question) => (asked.push(question), new Promise((resolve) => waiting.push(resolve))),
    (answer) => shown.push(answer),
    (error) => shown.push(String(error)),
  );
  const answer = async (text: string) => {
    waiting.shift()!(text);
    await new Promise((done) => setTimeout(done));
  };
  return { asked, shown, latest, answer };
}

test("one question is under way at a time, and the last of those that wait is the next", async () => {
  const { asked, shown, latest, answer } = slow();
  for (const question of [1, 2, 3, 4]) latest.put(question);
  assert.deepEqual(asked, [1]);
  await answer("one");
  assert.deepEqual(asked, [1, 4]);
  await answer("four");
  assert.deepEqual(shown, ["one", "four"]);
});

test("what was dropped is neither asked nor shown", async () => {
  const { asked, shown, latest, answer } = slow();
  for (const question of [1, 2]) latest.put(question);
  latest.drop();
  latest.put(3);
  await answer("one");
  await answer("three");
  assert.deepEqual([asked, shown], [[1, 3], ["three"]]);
});

test("after a failure the next question is asked", async () => {
  const shown: string[] = [];
  const ask = async (question: number) => {
    if (question === 1) throw new Error("no");
    return String(question);
  };
  const latest = new Latest<number, string>(ask, (text) => shown.push(text), (error) => shown.push(String(error)));
  latest.put(1);
  latest.put(2);
  await new Promise((done) => setTimeout(done));
  assert.deepEqual(shown, ["Error: no", "2"]);
});
