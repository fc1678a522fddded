import assert from "node:assert/strict";
import { mkdtemp, readFile, rename, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { LineFile, WAITING_LENGTH_MAX } from "../../src/telemetry/line-file.ts";

async function folder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "stratus-lines-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

describe("LineFile", () => {
  test("appends lines, for its owner alone, and all of them by its close", async () => {
    await using temp = await folder();
    const path = join(temp.path, "access.log");
    for (const lines of [["a", "b"], ["c"]]) {
      const file = new LineFile(path);
      for (const line of lines) file.write(line);
      await file.close();
    }
    assert.equal(await readFile(path, "utf8"), "a\nb\nc\n");
    assert.equal((await stat(path)).mode % 0o1000, 0o600);
  });

  test("begins a file anew once its own was renamed", async () => {
    await using temp = await folder();
    const [path, old] = [join(temp.path, "access.log"), join(temp.path, "access.log.1")];
    let nowMs = 0;
    const file = new LineFile(path, () => nowMs);
    file.write("before");
    await file.flush();
    await rename(path, old);
    file.write("at once");
    await file.flush();
    nowMs = 1_000;
    file.write("after");
    await file.flush();
    await file.close();
    assert.equal(await readFile(old, "utf8"), "before\nat once\n");
    assert.equal(await readFile(path, "utf8"), "after\n");
  });

  test("begins it anew with the very next line where it is told to look", async () => {
    await using temp = await folder();
    const [path, old] = [join(temp.path, "access.log"), join(temp.path, "access.log.1")];
    const file = new LineFile(path, () => 0);
    file.write("before");
    await file.flush();
    await rename(path, old);
    file.lookSoon();
    file.write("after");
    await file.flush();
    await file.close();
    assert.equal(await readFile(old, "utf8"), "before\n");
    assert.equal(await readFile(path, "utf8"), "after\n");
  });

  test("drops what nobody could hold, and says how many", async () => {
    await using temp = await folder();
    const path = join(temp.path, "access.log");
    const file = new LineFile(path);
    const line = "x".repeat(WAITING_LENGTH_MAX / 4);
    for (let count = 0; count < 6; count += 1) file.write(line);
    await file.close();
    const lines = (await readFile(path, "utf8")).trimEnd().split("\n");
    assert.deepEqual(
      lines.map((text) => (text === line ? "line" : text)),
      ["line", "line", "line", '{"dropped":3}'],
    );
  });

  test("refuses a place that it cannot open", () => {
    assert.throws(() => new LineFile("/nowhere/at/all/access.log"), /ENOENT/);
  });
});
