import assert from "node:assert/strict";
import { test } from "node:test";
import { mistakesOf, ONE_SHARD, parse } from "./support.ts";

test("parseConfig() knows no operator unless told", () => {
  assert.deepEqual(parse(ONE_SHARD).operator, { emails: [] });
});

test("parseConfig() takes name and addresses of the operator", () => {
  const operator = { name: "Example Trust Services", emails: ["ct@example.org", "a+b@c.example"] };
  assert.deepEqual(parse(`${ONE_SHARD}operator: ${JSON.stringify(operator)}\n`).operator, operator);
});

for (const address of [
  "ct",
  "ct@localhost",
  "ct @example.org",
  "a@b@c.example",
  "<ct@c.example>",
]) {
  test(`parseConfig() refuses '${address}' as an address`, () => {
    const [line] = mistakesOf(`${ONE_SHARD}operator: { emails: ["${address}"] }\n`);
    assert.match(line ?? "", /operator\.emails\[0\].*e-mail address.*ct@example\.org/);
  });
}
