import assert from "node:assert/strict";
import { test } from "node:test";
import { mistakesOf, ONE_SHARD, parse } from "./support.ts";

const datesOf = (lines: string) => parse(`${ONE_SHARD}${lines}`).shards[0]?.dates;

test("parseConfig() gives each shard the closing date of its window, and what dates sets", () => {
  assert.deepEqual(datesOf(""), { closesAtMs: Date.UTC(2027, 0, 8) });
  assert.deepEqual(datesOf("dates: [{ shard: test2026, retires: 2027-01-08T00:00:00Z }]"), {
    closesAtMs: Date.UTC(2027, 0, 8),
    retiresAtMs: Date.UTC(2027, 0, 8),
  });
});

test("parseConfig() finds dates that cannot be", () => {
  const text = `${ONE_SHARD}dates:
  - { shard: test2025 }
  - { shard: test2026, opens: 2027-01-01T00:00:00Z }
  - { shard: test2026, retires: 2027-01-07T23:59:59Z }
  - { shard: test2026, opens: soon }
`;
  const mistakes = mistakesOf(text.replace(/.*soon.*\n/, ""));
  assert.equal(mistakes.length, 4, mistakes.join("\n"));
  assert.match(
    mistakes[0] ?? "",
    /7:14: shard: there is no shard "test2025" \(write one of test2026\)/,
  );
  assert.match(mistakes[1] ?? "", /opens: expected a time within its window, which ends at 2027/);
  assert.match(mistakes[2] ?? "", /shard: test2026 has dates already/);
  assert.match(
    mistakes[3] ?? "",
    /retires: expected a time after the shard has closed, 2027-01-08/,
  );
  assert.match(mistakesOf(text).join("\n"), /10:[0-9]+: .*soon/);
});
