/**
 * One SCT and what was found out about it: its fields, every step, the way from its entry to
 * the signed root, and an alarm where the log is caught.
 * @module
 */
import type { VNode } from "preact";
import { readAlarm } from "../check/remember.ts";
import type { SctResult } from "../check/scts.ts";
import { renderSct } from "../view/sct.ts";
import { drawTree } from "../view/tree.ts";
import { Alarm, Markup, Steps, Verdict } from "./markup.tsx";
import { rootUrl, worldOf } from "./world.ts";

/** The panel. @param of What the verdict is about, as the subject of a sentence. */
export function SctPanel({
  title,
  of,
  result,
}: {
  readonly title: string;
  readonly of: string;
  readonly result: SctResult;
}): VNode {
  const { view, steps, own } = result;
  const { entry, head } = own?.proven ?? {};
  const world = view.shard === undefined ? undefined : worldOf(view.shard);
  // What this browser caught the log at before counts as well.
  const alarm = own && world ? (readAlarm(world, own.log) ?? own.evidence) : undefined;
  return (
    <>
      {alarm && <Alarm evidence={alarm} />}
      <section class="panel sct">
        <h2>{title}</h2>
        <Verdict steps={steps} of={of} />
        <Markup of={renderSct(view, links)} />
        <Steps steps={steps} />
        {entry && head && entry.trace.length > 0 && (
          <Markup of={drawTree({ ...entry, rootHash: head.rootHash })} />
        )}
      </section>
    </>
  );
}

/** Links of this page. */
export function links(path: string): string {
  return rootUrl() + path;
}
