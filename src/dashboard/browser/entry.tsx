/**
 * The living part of an entry's page: the entry fetched through the public API, and proven up
 * to a root whose signature was checked.
 * @module
 */
import { render, type VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { MalformedError, messageOf } from "../../base/errors.ts";
import type { Evidence } from "../check/evidence.ts";
import { type ProvenEntry, proveEntry } from "../check/prove.ts";
import { readAlarm, rememberAlarm } from "../check/remember.ts";
import type { World } from "../check/world.ts";
import { type EntryView, type RawEntry, renderEntry, viewEntry } from "../view/entry-view.ts";
import { drawTree } from "../view/tree.ts";
import { watchFind } from "./find.tsx";
import { Alarm, Markup, Steps, Verdict } from "./markup.tsx";
import { download, worldOf } from "./world.ts";

function Entry({ world, index }: { readonly world: World; readonly index: number }): VNode {
  const [proven, setProven] = useState<ProvenEntry>();
  const [alarm, setAlarm] = useState<Evidence>();
  const [trouble, setTrouble] = useState("");
  useEffect(() => {
    proveEntry(world, index).then(
      (result) => {
        if (result.evidence) rememberAlarm(world, result.log, result.evidence);
        setAlarm(readAlarm(world, result.log) ?? result.evidence);
        setProven(result);
      },
      (thrown: unknown) => setTrouble(messageOf(thrown)),
    );
  }, [world, index]);
  if (trouble !== "") {
    return (
      <p class="notice" role="status">
        {trouble}
      </p>
    );
  }
  if (proven === undefined) return <p class="quiet">Verifying…</p>;
  const { steps, head, entry } = proven;
  return (
    <>
      {alarm && <Alarm evidence={alarm} />}
      <section class="panel" aria-labelledby="proof">
        <h2 id="proof">Proof</h2>
        <Verdict steps={steps} of="This entry" />
        <Steps steps={steps} />
        {entry && head && entry.trace.length > 0 && (
          <Markup of={drawTree({ ...entry, rootHash: head.rootHash })} />
        )}
      </section>
      {entry && <Decoded world={world} entry={entry} />}
    </>
  );
}

/** The entry field by field, unless its bytes are none: then the proof has said so. */
function Decoded({ world, entry }: { readonly world: World; readonly entry: RawEntry }): VNode {
  let view: EntryView;
  try {
    view = viewEntry(world.sha256, entry);
  } catch (thrown) {
    if (!(thrown instanceof MalformedError)) throw thrown;
    return <p class="notice">These bytes cannot be shown: {thrown.message}.</p>;
  }
  return <Contents view={view} />;
}

function Contents({ view }: { readonly view: EntryView }): VNode {
  const { leafIndex, certificates } = view;
  const [first] = certificates;
  const save = (name: string, bytes: Uint8Array): void =>
    download(`${name}-${leafIndex}`, bytes, "application/octet-stream");
  return (
    <>
      <Markup of={renderEntry(view)} />
      <section aria-labelledby="bytes">
        <h2 id="bytes">Raw bytes</h2>
        <p class="actions">
          <button type="button" class="plain" onClick={() => save("leaf_input", view.leafInput)}>
            leaf_input
          </button>
          <button type="button" class="plain" onClick={() => save("extra_data", view.extraData)}>
            extra_data
          </button>
          {first && (
            <button
              type="button"
              class="plain"
              onClick={() => download(`entry-${leafIndex}.der`, first.der, "application/pkix-cert")}
            >
              {view.type === "precert" ? "precertificate" : "certificate"} (DER)
            </button>
          )}
          <button
            type="button"
            class="plain"
            onClick={() =>
              download(
                `chain-${leafIndex}.pem`,
                certificates.map(({ pem }) => pem).join(""),
                "application/x-pem-file",
              )
            }
          >
            chain (PEM)
          </button>
        </p>
      </section>
    </>
  );
}

const place = document.querySelector<HTMLElement>("#living");
const { shard, index } = place?.dataset ?? {};
if (place && shard !== undefined) {
  const world = worldOf(shard);
  if (index !== undefined) {
    place.replaceChildren();
    render(<Entry world={world} index={Number(index)} />, place);
  }
  watchFind(world, shard);
}
