/**
 * The living part of a shard's page: each head as it comes, verified before it is shown; how
 * the tree grew; and what the log's key is trusted for.
 * @module
 */
import { render, type VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { messageOf } from "../../base/errors.ts";
import { formatHex } from "../../encoding/hex.ts";
import type { TreeHead } from "../../rfc6962/tree-head.ts";
import type { Evidence } from "../check/evidence.ts";
import { checkHead, type HeadReport } from "../check/head.ts";
import { type OpenLog, openLog } from "../check/log.ts";
import { dismissAlarm, readAlarm, rememberAlarm } from "../check/remember.ts";
import type { World } from "../check/world.ts";
import { formatCount, formatDuration, formatTimeMs } from "../view/format.ts";
import { watchFind } from "./find.tsx";
import { Growth } from "./growth.tsx";
import { Alarm, Steps, Verdict } from "./markup.tsx";
import { Trust } from "./trust.tsx";
import { every, followCheckpoint, nowMs, worldOf } from "./world.ts";

function Shard({ world }: { readonly world: World }): VNode {
  const [log, setLog] = useState<OpenLog>();
  const [report, setReport] = useState<HeadReport>();
  const [alarm, setAlarm] = useState<Evidence>();
  const [trouble, setTrouble] = useState("");
  useEffect(() => {
    let end = (): void => undefined;
    let isOver = false;
    const see = async (opened: OpenLog, text: string): Promise<void> => {
      const checked = await checkHead(world, opened, text);
      if (checked.evidence) {
        rememberAlarm(world, opened, checked.evidence);
        setAlarm(readAlarm(world, opened) ?? checked.evidence);
      }
      setTrouble("");
      setReport(checked);
    };
    openLog(world).then(
      (opened) => {
        if (isOver) return;
        setLog(opened);
        setAlarm(readAlarm(world, opened));
        const fail = (error: Error): void => setTrouble(error.message);
        end = followCheckpoint(world, (text) => see(opened, text), fail);
      },
      (thrown: unknown) => setTrouble(messageOf(thrown)),
    );
    return () => {
      isOver = true;
      end();
    };
  }, [world]);
  const dismiss = (): void => {
    if (log) dismissAlarm(world, log);
    setAlarm(undefined);
  };
  return (
    <>
      {alarm && <Alarm evidence={alarm} dismiss={dismiss} />}
      {trouble !== "" && (
        <p class="notice" role="status">
          {trouble}
        </p>
      )}
      {report === undefined && trouble === "" && <p class="quiet">Verifying the tree head…</p>}
      {report && <Head report={report} />}
      {report?.head && <Growth world={world} head={report.head} />}
      {log && <Trust world={world} log={log} onConfirm={setLog} />}
    </>
  );
}

function Head({ report }: { readonly report: HeadReport }): VNode {
  const { head, steps } = report;
  return (
    <section class="panel" aria-labelledby="head">
      <h2 id="head">Tree head</h2>
      <Verdict steps={steps} of="This tree head" />
      {head && <HeadFacts head={head} />}
      <Steps steps={steps} />
    </section>
  );
}

function HeadFacts({ head }: { readonly head: TreeHead }): VNode {
  const [time, setTime] = useState(nowMs());
  useEffect(() => every(1_000, () => setTime(nowMs())), []);
  return (
    <dl class="facts">
      <div>
        <dt>Tree size</dt>
        <dd class="large" id="tree-size">
          {formatCount(head.treeSize)}
        </dd>
      </div>
      <div>
        <dt>Signed</dt>
        <dd>
          {formatTimeMs(head.timestampMs)}
          <span class="quiet">, {formatDuration(time - head.timestampMs)} ago</span>
        </dd>
      </div>
      <div>
        <dt>Root hash</dt>
        <dd>
          <code class="hash">{formatHex(head.rootHash)}</code>
        </dd>
      </div>
    </dl>
  );
}

const place = document.querySelector<HTMLElement>("#living");
const shard = place?.dataset["shard"];
if (place && shard !== undefined) {
  const world = worldOf(shard);
  place.replaceChildren();
  render(<Shard world={world} />, place);
  watchFind(world, shard);
}
