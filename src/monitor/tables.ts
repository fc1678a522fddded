/**
 * The audit of the files below a store's database. They go first in each pass: what else is
 * found rests on them, and a database that meets damage in them may take the process with it.
 * @module
 */
import { messageOf } from "../base/errors.ts";
import { isDamage } from "./chunk.ts";
import { type Finding, finding } from "./finding.ts";

/** A table: a file that never changes. */
export interface Table {
  /** Bytes. */
  readonly size: number;
}

/** What is wrong with a table. */
export interface TableProblem {
  /** Its name. */
  readonly where: string;
  readonly message: string;
}

/** Port: the tables of a store. Each call opens files afresh. */
export interface TableSource<T extends Table = Table> {
  /** Those in use now. @throws FatalError `FATAL_STORE_CORRUPT` if that cannot be told. */
  tables(): Promise<readonly T[]>;
  /** Goes through one, yielding bytes; undefined if it is whole, or in use no more. */
  verify(table: T): AsyncGenerator<number, TableProblem | undefined, void>;
}

/** What an audit does with what it sees. */
export interface TableAudit {
  /** Called after each step, with its bytes; false: stop. */
  readonly pace: (bytes: number) => Promise<boolean>;
  readonly report: (found: Finding, isConfirmed: boolean) => void;
}

/**
 * Goes through all tables once. Nothing rests on the list of them while the database is open:
 * if that is damaged, it is told, and the tables are not known.
 * @returns How many tables are damaged; each of these was read twice over.
 */
export async function auditTables<T extends Table>(
  source: TableSource<T>,
  { pace, report }: TableAudit,
): Promise<number> {
  let damaged = 0;
  const list = await listTables(source);
  if ("problem" in list) {
    const isConfirmed = "problem" in (await listTables(source));
    report(finding("database-log", "db", list.problem), isConfirmed);
    return 0;
  }
  for (const table of list.tables) {
    const problem = await lookAt(source.verify(table), pace);
    if (problem === "stopped") return damaged;
    if (problem === undefined) continue;
    const again = await lookAt(source.verify(table), pace);
    if (again === "stopped") return damaged;
    report(finding("table", problem.where, problem.message), again !== undefined);
    if (again !== undefined) damaged += 1;
  }
  return damaged;
}

async function listTables<T extends Table>(
  source: TableSource<T>,
): Promise<{ readonly tables: readonly T[] } | { readonly problem: string }> {
  try {
    return { tables: await source.tables() };
  } catch (error) {
    if (!isDamage(error)) throw error;
    return { problem: messageOf(error) };
  }
}

async function lookAt(
  steps: AsyncGenerator<number, TableProblem | undefined, void>,
  pace: TableAudit["pace"],
): Promise<TableProblem | undefined | "stopped"> {
  for (;;) {
    const step = await steps.next();
    if (step.done === true) return step.value;
    if (await pace(step.value)) continue;
    await steps.return(undefined);
    return "stopped";
  }
}
