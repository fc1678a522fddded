/**
 * What this browser trusts, and why: the key that it pinned. A visitor who has the log's ID or
 * key from elsewhere holds it against that.
 * @module
 */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { formatBase64 } from "../../encoding/base64.ts";
import { formatHex } from "../../encoding/hex.ts";
import { confirmKey, type OpenLog } from "../check/log.ts";
import type { World } from "../check/world.ts";
import { formatTime } from "../view/format.ts";

/** The panel. */
export function Trust({
  world,
  log,
  onConfirm,
}: {
  readonly world: World;
  readonly log: OpenLog;
  readonly onConfirm: (log: OpenLog) => void;
}): VNode {
  const [text, setText] = useState("");
  const [answer, setAnswer] = useState<"same" | "other">();
  const { pin, key } = log;
  const submit = (event: Event): void => {
    event.preventDefault();
    const confirmed = confirmKey(world, log, text);
    setAnswer(confirmed === undefined ? "other" : "same");
    if (confirmed !== undefined) onConfirm(confirmed);
  };
  return (
    <section class="panel" aria-labelledby="trust">
      <h2 id="trust">What is trusted here</h2>
      <p>
        One thing: that the log’s key is the one below. Everything else on this page is computed
        from it in your browser.{" "}
        {pin.isConfirmed
          ? `You confirmed the key on ${formatTime(pin.sinceMs)}.`
          : `The key came from this server, on ${formatTime(pin.sinceMs)}, and was pinned then: a later change is called out. Who controls the server at a first visit can show a key of their own.`}
      </p>
      <dl class="facts">
        <div>
          <dt>Log ID</dt>
          <dd>
            <code class="hash">{formatBase64(key.logId)}</code>
          </dd>
        </div>
        <div>
          <dt>In hex</dt>
          <dd>
            <code class="hash">{formatHex(key.logId)}</code>
          </dd>
        </div>
      </dl>
      <form class="search" onSubmit={submit}>
        <label for="own-key">
          Have its log ID or public key from a log list? Paste it to compare
        </label>
        <input
          id="own-key"
          value={text}
          autocomplete="off"
          spellcheck={false}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <button type="submit">Compare</button>
        <div role="status">
          {answer === "same" && <p class="good">It is this log’s. The key is confirmed.</p>}
          {answer === "other" && (
            <p class="ill">
              It is not the key that this page verifies with. Do not take this server for that log.
            </p>
          )}
        </div>
      </form>
    </section>
  );
}
