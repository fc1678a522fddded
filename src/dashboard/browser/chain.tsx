/**
 * A chain: the verdict of the shard that it belongs to, and on request the submission, whose
 * answer is believed only as far as it is proven.
 * @module
 */
import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { messageOf } from "../../base/errors.ts";
import { proveSct } from "../check/own-sct.ts";
import { claimsOf } from "../check/pasted.ts";
import { rememberAlarm } from "../check/remember.ts";
import { rootClaims, type SctResult } from "../check/scts.ts";
import { askVerdict, chooseShard, submitChain } from "../check/submission.ts";
import { AnswerError } from "../check/world.ts";
import { notAfterOf } from "../view/pasted.ts";
import { renderVerdict, type VerdictView } from "../view/verdict.ts";
import type { Known } from "./known-logs.ts";
import { Markup } from "./markup.tsx";
import { links, SctPanel } from "./sct-panel.tsx";
import { nowMs, worldOf } from "./world.ts";

/** The panel of a chain. @param named The shard that the visitor chose; empty: by expiry. */
export function Chain({
  known,
  chain,
  named,
}: {
  readonly known: Known;
  readonly chain: readonly Uint8Array[];
  readonly named: string;
}): VNode {
  const [asked, setAsked] = useState(
    () => chooseShard(known.shards, named, chain, nowMs())?.name ?? "",
  );
  const [verdict, setVerdict] = useState<VerdictView>();
  const [trouble, setTrouble] = useState("");
  useEffect(() => {
    setVerdict(undefined);
    setTrouble("");
    askVerdict(worldOf(asked), chain).then(setVerdict, (thrown: unknown) =>
      setTrouble(`${asked} gives no verdict: ${messageOf(thrown)}`),
    );
  }, [asked, chain]);
  return (
    <>
      <section class="panel" aria-labelledby="verdict">
        <h2 id="verdict">Would it be taken?</h2>
        <div role="status">
          {verdict === undefined && trouble === "" && <p class="quiet">Asking {asked}…</p>}
          {trouble !== "" && <p class="notice">{trouble}</p>}
          {verdict && <Markup of={renderVerdict(verdict, notAfterOf(chain), links)} />}
        </div>
        {verdict && !verdict.isAccepted && verdict.takenBy !== "" && verdict.takenBy !== asked && (
          <p class="actions">
            <button type="button" onClick={() => setAsked(verdict.takenBy)}>
              Ask {verdict.takenBy}
            </button>
          </p>
        )}
      </section>
      {verdict?.isAccepted && (
        <Submission key={asked} known={known} chain={chain} verdict={verdict} />
      )}
    </>
  );
}

function Submission({
  known,
  chain,
  verdict,
}: {
  readonly known: Known;
  readonly chain: readonly Uint8Array[];
  readonly verdict: VerdictView;
}): VNode {
  const [state, setState] = useState<"ready" | "sent" | "done">("ready");
  const [trouble, setTrouble] = useState("");
  const [result, setResult] = useState<SctResult>();
  const { shard } = verdict;
  const send = (): void => {
    setState("sent");
    setTrouble("");
    submitAndProve(known, chain, verdict).then(
      (found) => {
        setResult(found);
        setState("done");
      },
      (thrown: unknown) => {
        setTrouble(messageOf(thrown));
        setState("ready");
      },
    );
  };
  return (
    <>
      {state !== "done" && (
        <section class="panel" aria-labelledby="send">
          <h2 id="send">Submit it</h2>
          <p>
            {verdict.duplicate === undefined
              ? `${shard} logs it for good, for everybody to see. Its answer, an SCT, is checked here.`
              : `${shard} has it already: it answers with the SCT of that entry, and logs nothing new.`}
          </p>
          <p class="actions">
            <button type="button" onClick={send} disabled={state === "sent"}>
              Submit to {shard}
            </button>
          </p>
          <div role="status">
            {state === "sent" && <p class="quiet">Submitted; checking the answer…</p>}
            {trouble !== "" && <p class="notice">{trouble}</p>}
          </div>
        </section>
      )}
      {result && <SctPanel title="The answer" of={`The answer of ${shard}`} result={result} />}
    </>
  );
}

/** @throws AnswerError, MalformedError: there is no SCT. */
async function submitAndProve(
  known: Known,
  chain: readonly Uint8Array[],
  { shard, endpoint }: VerdictView,
): Promise<SctResult> {
  const world = worldOf(shard);
  const sct = await submitChain(world, endpoint, chain);
  const own = known.own.find(({ submissionUrl }) => submissionUrl.endsWith(`/${shard}`));
  if (own === undefined) throw new AnswerError(0, `logs.json has no ${shard}`);
  const found = claimsOf(world.sha256, chain);
  const claims = found.length > 0 ? found : await rootClaims(world, chain);
  const pasted = { sct, isEmbedded: false };
  const proven = await proveSct(world, { pasted, own, chain, claims });
  if (proven.evidence) rememberAlarm(world, proven.log, proven.evidence);
  const view = { ...pasted, log: own, shard };
  return { view, steps: proven.steps, own: proven };
}
