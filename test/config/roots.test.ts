import assert from "node:assert/strict";
import { test } from "node:test";
import { ONE_SHARD, parse } from "./support.ts";

const PRINT = "86d8219c7e2b6009e37eb14356268489b81379e076e8f372e3dde8c162a34134";

test("parseConfig() reads roots again every hour and blocks nothing, unless told", () => {
  const { rootsReload, blocked } = parse(ONE_SHARD);
  assert.deepEqual(rootsReload, { intervalMs: 3_600_000, lossPercentMax: 20 });
  assert.deepEqual(blocked, { fingerprints: [] });
});

test("parseConfig() takes every field of rootsReload and blocked", () => {
  const text = `${ONE_SHARD}rootsReload: { intervalMs: 0, lossPercentMax: 2.5 }
blocked: { fingerprints: ["${PRINT.toUpperCase()}"], file: ./blocked.txt }
`;
  const { rootsReload, blocked } = parse(text);
  assert.deepEqual(rootsReload, { intervalMs: 0, lossPercentMax: 2.5 });
  assert.deepEqual(blocked, {
    fingerprints: [PRINT],
    file: "/srv/stratus/config/blocked.txt",
  });
});

test("parseConfig() leaves URLs of roots as they are: https, or http on this machine", () => {
  const urls = [
    "https://ccadb.example/RootsReportCSV?year=2020",
    "http://127.0.0.1:8080/a/../roots.csv",
    "http://[::1]/roots.pem",
    "http://localhost/roots.pem",
  ];
  const config = parse(`${ONE_SHARD}roots: ${JSON.stringify([...urls, "./x.csv"])}\n`);
  assert.deepEqual(config.shards[0]?.roots, [...urls, "/srv/stratus/config/x.csv"]);
});
