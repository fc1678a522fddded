import assert from "node:assert/strict";
import { test } from "node:test";
import { MalformedError } from "../../src/base/errors.ts";
import { parseBlocklist, readBlocklist } from "../../src/roots/blocklist.ts";

const PRINT = "86d8219c7e2b6009e37eb14356268489b81379e076e8f372e3dde8c162a34134";

test("parseBlocklist() takes either case, colons and comments, each certificate once", () => {
  const colons = (PRINT.toUpperCase().match(/../g) ?? []).join(":");
  const text = `# why\r\n\n${PRINT}\n  ${colons} # again\n${"0".repeat(64)}`;
  assert.deepEqual(parseBlocklist(text), [PRINT, "0".repeat(64)]);
  assert.deepEqual(parseBlocklist("# nothing\n"), []);
});

for (const line of [PRINT.slice(1), `${PRINT}0`, "CN=some CA", `${PRINT} ${PRINT}`]) {
  test(`parseBlocklist() refuses ${line.slice(0, 20)}... of ${line.length} characters`, () => {
    assert.throws(
      () => parseBlocklist(`${PRINT}\n${line}\n`),
      (error) =>
        error instanceof MalformedError && /^line 2: expected a SHA-256/.test(error.message),
    );
  });
}

test("readBlocklist() names a file that is not there", async () => {
  await assert.rejects(
    readBlocklist("/nowhere/blocked.txt"),
    /from \/nowhere\/blocked\.txt: ENOENT/,
  );
});
