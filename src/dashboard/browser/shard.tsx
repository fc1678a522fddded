/**
 * The living part of a shard's page: its head, as it comes, verified.
 * @module
 */
import { render, type VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { messageOf } from "../../base/errors.ts";
import type { Evidence } from "../check/evidence.ts";
import { checkHead, type HeadReport } from "../check/head.ts";
import { type OpenLog, openLog } from "../check/log.ts";
import { dismissAlarm, readAlarm, rememberAlarm } from "../check/remember.ts";
import type { World } from "../check/world.ts";
import { Alarm, Steps } from "./markup.tsx";
import { followCheckpoint, worldOf } from "./world.ts";

function Shard({ world }: { readonly world: World }): VNode {
  const [log, setLog] = useState<OpenLog>();
  const [report, setReport] = useState<HeadReport>();
  const [alarm, setAlarm] = useState<Evidence>();
  const [trouble, setTrouble] = useState("");
  useEffect(() => {
    let end = (): void => undefined;
    openLog(world).then(
      (opened) => {
        setLog(opened);
        setAlarm(readAlarm(world, opened));
        end = followCheckpoint(
          world,
          async (text) => {
            const checked = await checkHead(world, opened, text);
            if (checked.evidence) {
              rememberAlarm(world, opened, checked.evidence);
              setAlarm(readAlarm(world, opened) ?? checked.evidence);
            }
            setTrouble("");
            setReport(checked);
          },
          (error) => setTrouble(error.message),
        );
      },
      (thrown: unknown) => setTrouble(messageOf(thrown)),
    );
    return () => end();
  }, [world]);
  return (
    <>
      {alarm && log && (
        <Alarm
          evidence={alarm}
          dismiss={() => {
            dismissAlarm(world, log);
            setAlarm(undefined);
          }}
        />
      )}
      {trouble !== "" && (
        <p class="notice" role="status">
          {trouble}
        </p>
      )}
      {report && <Steps steps={report.steps} />}
    </>
  );
}

const place = document.querySelector<HTMLElement>("#living");
const shard = place?.dataset["shard"];
if (place && shard !== undefined) {
  const world = worldOf(shard);
  const holder = document.createElement("div");
  place.prepend(holder);
  render(<Shard world={world} />, holder);
}
