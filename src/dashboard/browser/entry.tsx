/**
 * The living part of an entry's page: the entry fetched through the public API, and proven.
 * @module
 */
import { render, type VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { messageOf } from "../../base/errors.ts";
import { checkHead, type HeadReport } from "../check/head.ts";
import { type CheckedEntry, checkEntry } from "../check/inclusion.ts";
import { openLog } from "../check/log.ts";
import type { World } from "../check/world.ts";
import { renderEntry, viewEntry } from "../view/entry-view.ts";
import { drawTree } from "../view/tree.ts";
import { Markup, Steps } from "./markup.tsx";
import { worldOf } from "./world.ts";

interface Proven {
  readonly report: HeadReport;
  readonly entry: CheckedEntry | undefined;
}

async function prove(world: World, leafIndex: number): Promise<Proven> {
  const log = await openLog(world);
  const report = await checkHead(world, log, await world.api.get("checkpoint"));
  const { head } = report;
  return { report, entry: head && (await checkEntry(world, head, leafIndex)) };
}

function Entry({ world, index }: { readonly world: World; readonly index: number }): VNode {
  const [proven, setProven] = useState<Proven>();
  const [trouble, setTrouble] = useState("");
  useEffect(() => {
    prove(world, index).then(setProven, (thrown: unknown) => setTrouble(messageOf(thrown)));
  }, [world, index]);
  if (trouble !== "") return <p class="notice">{trouble}</p>;
  if (proven === undefined) return <p class="quiet">Verifying…</p>;
  const { report, entry } = proven;
  return (
    <>
      <section class="panel">
        <h2>Proof</h2>
        <Steps steps={[...report.steps, ...(entry?.steps ?? [])]} />
        {entry && report.head && (
          <Markup of={drawTree({ ...entry, rootHash: report.head.rootHash })} />
        )}
      </section>
      {entry && <Markup of={renderEntry(viewEntry(world.sha256, entry))} />}
    </>
  );
}

const place = document.querySelector<HTMLElement>("#living");
const { shard, index } = place?.dataset ?? {};
if (place && shard !== undefined && index !== undefined) {
  place.replaceChildren();
  render(<Entry world={worldOf(shard)} index={Number(index)} />, place);
}
