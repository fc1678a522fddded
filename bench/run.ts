/**
 * `npm run bench [-- FRONTENDS...]`: starts a fresh server, measures it, prints Markdown for
 * README.md. With `BENCH=real` the real suite, else a short one that says nothing about speed.
 * @module
 */
import { availableParallelism } from "node:os";
import { messageOf } from "../src/base/errors.ts";
import { parseDecimal } from "../src/encoding/decimal.ts";
import { CACHE_FOLDER } from "./load.ts";
import { describeMachine } from "./machine.ts";
import { openStratus } from "./server.ts";
import { formatSuite, realLoads, runSuite, type SuiteReport, smokeLoads } from "./suite.ts";

const SEED = 42;

async function main(): Promise<number> {
  const isReal = process.env["BENCH"] === "real";
  const log = (line: string) => console.error(`bench: ${line}`);
  log(isReal ? "real suite, some minutes" : "smoke suite: BENCH=real measures");
  const reports: SuiteReport[] = [];
  const wanted = process.argv.slice(2).map(parseDecimal);
  // As by default, and all in one thread.
  const usual = isReal ? [availableParallelism() - 1, 0] : [0];
  for (const frontends of new Set(wanted.length > 0 ? wanted : usual)) {
    log(`frontends ${frontends}`);
    await using server = await openStratus({
      seed: SEED,
      frontends,
      ...(process.env["BENCH_FOLDER"] === undefined ? {} : { parent: process.env["BENCH_FOLDER"] }),
    });
    const report = await runSuite(server, {
      loads: isReal ? realLoads() : smokeLoads(),
      // Of less, half is V8 compiling what the server has not done before.
      readCount: isReal ? 40_000 : 50,
      readMsMax: 10_000,
      sampleCount: isReal ? 200 : 20,
      isSettling: isReal,
      isTimed: isReal,
      seed: SEED,
      cacheFolder: CACHE_FOLDER,
      log,
    });
    console.log(`${describeMachine()}; seed ${SEED}, frontends ${frontends}\n`);
    console.log(formatSuite(report));
    reports.push(report);
  }
  return reports.every(({ problems }) => problems.length === 0) ? 0 : 1;
}

if (import.meta.main) {
  try {
    process.exitCode = await main();
  } catch (error) {
    console.error(`bench/run.ts: ${messageOf(error)}`);
    process.exitCode = 2;
  }
}
