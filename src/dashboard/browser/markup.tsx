/**
 * What living parts share: markup from the templates of `view/`, and lists of checked steps.
 * @module
 */
import type { VNode } from "preact";
import type { Evidence } from "../check/evidence.ts";
import { formatEvidence } from "../check/evidence.ts";
import type { Step } from "../check/world.ts";
import type { Html } from "../html.ts";
import { download } from "./world.ts";

/** Puts a template's markup in its place. */
export function Markup({ of }: { readonly of: Html }): VNode {
  // `Html` comes from escaping templates alone.
  return <div dangerouslySetInnerHTML={{ __html: of.toString() }} />;
}

const WORDS: Readonly<Record<Step["state"], string>> = {
  ok: "verified",
  bad: "refuted",
  warn: "note",
  wait: "not checked",
};

/** Checked steps, each with its outcome as a word. */
export function Steps({ steps }: { readonly steps: readonly Step[] }): VNode {
  return (
    <ol class="steps">
      {steps.map(({ name, state, text }) => (
        <li class={`step ${state}`} key={name} data-step={name} data-state={state}>
          <span class="outcome">{WORDS[state]}</span>
          <span class="what">{name}</span>
          <span class="text">{text}</span>
        </li>
      ))}
    </ol>
  );
}

/** The outcome of all steps, in one line. @param of What was checked, as the subject of it. */
export function Verdict({
  steps,
  of,
}: {
  readonly steps: readonly Step[];
  readonly of: string;
}): VNode {
  const has = (state: Step["state"]): boolean => steps.some((step) => step.state === state);
  if (has("bad")) {
    return (
      <p class="verdict bad" role="alert">
        {of} does not hold. Do not rely on it.
      </p>
    );
  }
  if (has("wait")) {
    return (
      <p class="verdict wait" role="status">
        {of} could not be checked to the end.
      </p>
    );
  }
  return (
    <p class="verdict ok" role="status">
      {of} was verified in your browser.
    </p>
  );
}

/** What a log is caught at, large, with what proves it. */
export function Alarm({
  evidence,
  dismiss,
}: {
  readonly evidence: Evidence;
  readonly dismiss?: () => void;
}): VNode {
  const save = (): void =>
    download(`evidence-${evidence.foundAtMs}.json`, formatEvidence(evidence), "application/json");
  return (
    <section class="alarm" role="alert">
      <h2>Do not trust this log</h2>
      <p>{evidence.what}</p>
      <p>
        Keep what proves it, and show it to others: the operators of other logs, and the programs
        that list this one. Whoever has the key can check it without this server.
      </p>
      <p class="actions">
        <button type="button" onClick={save}>
          Download the evidence
        </button>
        {dismiss && (
          <button type="button" class="plain" onClick={dismiss}>
            I have kept it: forget the warning
          </button>
        )}
      </p>
    </section>
  );
}
