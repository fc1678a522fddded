/**
 * The living part of `/-/submit`: takes the form over, and shows what comes of it.
 * @module
 */
import { render, type VNode } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { messageOf } from "../../base/errors.ts";
import { sha256 } from "../../merkle/noble.ts";
import { CERTIFICATES_MAX, type Pasted, parsePasted } from "../check/pasted.ts";
import { rememberAlarm } from "../check/remember.ts";
import { checkScts, type SctResult } from "../check/scts.ts";
import { viewCertificate } from "../view/certificate.ts";
import { formatCount } from "../view/format.ts";
import { renderChain, sctTitle } from "../view/pasted.ts";
import { logName } from "../view/sct.ts";
import { Chain } from "./chain.tsx";
import { watchFiles } from "./files.ts";
import { type Known, loadKnown } from "./known-logs.ts";
import { Markup } from "./markup.tsx";
import { SctPanel } from "./sct-panel.tsx";

function Result({
  known,
  pasted,
  named,
}: {
  readonly known: Known;
  readonly pasted: Pasted;
  readonly named: string;
}): VNode {
  const { chain, scts, passedOver } = pasted;
  const certificates = useMemo(
    () => chain.slice(0, CERTIFICATES_MAX).map((der) => viewCertificate(sha256, der)),
    [chain],
  );
  return (
    <>
      {scts.length > 0 && <Scts known={known} pasted={pasted} />}
      {passedOver > 0 && <p class="notice">{formatCount(passedOver)} more SCTs are passed over.</p>}
      {chain.length > 0 && <Chain known={known} chain={chain} named={named} />}
      <Markup of={renderChain(certificates, chain.length)} />
    </>
  );
}

function Scts({ known, pasted }: { readonly known: Known; readonly pasted: Pasted }): VNode {
  const [results, setResults] = useState<ReadonlyMap<number, SctResult>>(new Map());
  const [trouble, setTrouble] = useState("");
  const { scts } = pasted;
  useEffect(() => {
    let isOver = false;
    const take = (index: number, result: SctResult): void => {
      const { own, view } = result;
      if (own?.evidence && view.shard) {
        rememberAlarm(known.worldOf(view.shard), own.log, own.evidence);
      }
      if (!isOver) setResults((before) => new Map(before).set(index, result));
    };
    checkScts(known, pasted, take).catch((thrown: unknown) => setTrouble(messageOf(thrown)));
    return () => {
      isOver = true;
    };
  }, [known, pasted]);
  return (
    <>
      <div role="status">
        {results.size < scts.length && trouble === "" && (
          <p class="quiet">Checking {scts.length === 1 ? "the SCT" : `${scts.length} SCTs`}…</p>
        )}
        {trouble !== "" && <p class="notice">{trouble}</p>}
      </div>
      {scts.map(({ isEmbedded }, index) => {
        const result = results.get(index);
        if (result === undefined) return undefined;
        const title = sctTitle(index, scts.length, isEmbedded, logName(result.view));
        return <SctPanel key={index} title={title} of="This SCT" result={result} />;
      })}
    </>
  );
}

/** Takes over the form of the page. */
function watchForm(form: HTMLFormElement, field: HTMLTextAreaElement, place: Element): void {
  let known: Promise<Known> | undefined;
  let checks = 0;
  const show = (what: VNode): void => {
    // What the server had put there makes room once.
    if (!place.hasAttribute("data-taken")) place.replaceChildren();
    place.setAttribute("data-taken", "");
    render(what, place);
  };
  const say = (text: string): void =>
    show(
      <p class="notice" role="alert">
        {text}
      </p>,
    );
  const check = async (named: string): Promise<void> => {
    const pasted = parsePasted(field.value);
    known ??= loadKnown();
    const mine = checks;
    const found = await known.catch((thrown: unknown) => {
      known = undefined;
      throw thrown;
    });
    if (mine !== checks) return;
    show(<Result key={mine} known={found} pasted={pasted} named={named} />);
    place.scrollIntoView({ block: "nearest" });
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    checks += 1;
    const named = new FormData(form).get("shard");
    check(typeof named === "string" ? named : "").catch((thrown: unknown) =>
      say(`This cannot be checked: ${messageOf(thrown)}.`),
    );
  });
  watchFiles(form, field, say);
}

const form = document.querySelector<HTMLFormElement>("#paste-form");
const field = document.querySelector<HTMLTextAreaElement>("#paste-text");
const place = document.querySelector("#living");
if (form !== null && field !== null && place !== null) {
  watchForm(form, field, place);
}
