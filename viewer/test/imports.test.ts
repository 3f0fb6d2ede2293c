import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";

/** Module -> what it imports, types included. */
function imports(root: string): Map<string, readonly string[]> {
  const read = (file: string) =>
    [...readFileSync(join(root, file), "utf8").matchAll(/^(?:import|export)\b[^;]*?from "(\.[^"]+)";/gms)].map((match) =>
      join(dirname(file), match[1]!),
    );
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
  return new Map(files.map((file) => [file, read(file)]));
}

/** The first way found from a module back to itself; empty where there is none. */
function circle(graph: Map<string, readonly string[]>): readonly string[] {
  const done = new Set<string>();
  const from = (path: readonly string[]): readonly string[] => {
    const module = path.at(-1)!;
    if (path.indexOf(module) < path.length - 1) return path.slice(path.indexOf(module));
    if (done.has(module)) return [];
    for (const next of graph.get(module) ?? []) {
      const found = from([...path, next]);
      if (found.length > 0) return found;
    }
    done.add(module);
    return [];
  };
  for (const module of graph.keys()) {
    const found = from([module]);
    if (found.length > 0) return found;
  }
  return [];
}

test("no module imports itself by way of others, for its types neither", () => {
  const graph = imports("src");
  assert.ok(graph.get("main.ts")!.includes("session.ts") && graph.get("state.ts")!.includes("image/view.ts"));
  assert.deepEqual(circle(graph), []);
});

test("a circle of types is found", () => {
  const graph = new Map([["a.ts", ["b.ts"]], ["b.ts", ["c.ts", "d.ts"]], ["c.ts", []], ["d.ts", ["b.ts"]]]);
  assert.deepEqual(circle(graph), ["b.ts", "d.ts", "b.ts"]);
});
