/**
 * `stratus shard archive`: the retirement bundle of a shard. Exit code 0 once it is complete and
 * verified; 1 if it is not, and can be gone on with; 2 for a mistake in the command.
 * @module
 */

import { ArchiveError, type ArchiveOptions, archiveShard } from "../archive.ts";
import { CtError } from "../base/errors.ts";
import { countOf } from "../base/plural.ts";
import { CheckError } from "../client/check.ts";
import { cleanText, SourceError } from "../client/transport.ts";
import { FindingList } from "./findings.ts";
import { type CommandIo, EXIT } from "./io.ts";
import { formatCount, Progress, type ProgressOutput } from "./progress.ts";
import { formatTime } from "./sct-text.ts";

/** Runs the command. @returns The exit code. */
export async function archive(
  options: ArchiveOptions,
  io: CommandIo,
  progress: ProgressOutput,
): Promise<number> {
  const { folder, look } = options;
  const findings = new FindingList();
  const treeSize = look.head?.treeSize ?? 0;
  const bars = [
    new Progress(progress, "entries written", treeSize),
    new Progress(progress, "entries verified", treeSize),
  ] as const;
  let isComplete = false;
  try {
    for await (const step of archiveShard(options)) {
      if (step.type === "source") {
        const timestampMs = look.head?.timestampMs ?? 0;
        io.out(`Shard ${look.shard.name}, ${look.phase}, from ${step.name}`);
        io.out(`Final head of size ${formatCount(treeSize)}, signed ${formatTime(timestampMs)}`);
        if (step.isResumed) io.out(`Going on with what is in ${folder}.`);
      } else if (step.type === "written") {
        bars[0].update(step.position);
      } else if (step.type === "verified") {
        findings.add(step.findings);
        bars[1].update(step.position);
      } else {
        isComplete = true;
        for (const bar of bars) bar.end();
        io.out(
          `${countOf(step.fileCount, "file", formatCount)}, ${countOf(step.bytes, "byte", formatCount)} of tiles and issuers`,
        );
      }
    }
  } catch (thrown) {
    for (const bar of bars) bar.end();
    return reportFailure(thrown, io);
  }
  const exitCode = findings.report(io);
  if (!isComplete) {
    io.err(
      "NOT complete: begin again in another folder, or remove what is damaged and run it again.",
    );
    return exitCode === EXIT.ok ? EXIT.failed : exitCode;
  }
  io.out("Complete: read back, and every entry leads to the signed root.");
  io.out(`Serve ${folder} as files, and look at it as a stranger would:`);
  io.out(`  stratus audit https://<where it is served>/${look.shard.name}`);
  if (look.phase !== "retired") {
    io.out("The shard is not retired: it goes on signing heads, of the same tree.");
  }
  return exitCode;
}

function reportFailure(thrown: unknown, io: CommandIo): number {
  if (thrown instanceof ArchiveError) {
    io.err(`stratus shard archive: ${thrown.message}`);
    return EXIT.usage;
  }
  const isKnown =
    thrown instanceof CtError ||
    thrown instanceof CheckError ||
    thrown instanceof SourceError ||
    (thrown instanceof Error && "syscall" in thrown);
  if (!isKnown) throw thrown;
  io.err(`stratus shard archive: ${cleanText(thrown.message, 2_000)}`);
  io.err("NOT complete: the same command goes on where it ended.");
  return EXIT.failed;
}
