/**
 * The search for an entry, in the browser: the form asks the server only where there is no
 * JavaScript.
 * @module
 */
import { render } from "preact";
import { messageOf } from "../../base/errors.ts";
import { type FindOptions, type Found, findEntry, SCANNED_MAX } from "../check/find.ts";
import { checkHead } from "../check/head.ts";
import { openLog } from "../check/log.ts";
import { parseSearch, type Search } from "../check/search.ts";
import type { World } from "../check/world.ts";
import { formatCount } from "../view/format.ts";
import { Steps } from "./markup.tsx";
import { rootUrl } from "./world.ts";

/** Takes over the form of the page. */
export function watchFind(world: World, shard: string): void {
  const form = document.querySelector<HTMLFormElement>("#find-form");
  const field = document.querySelector<HTMLTextAreaElement>("#find-text");
  const place = document.querySelector("#find-result");
  if (form === null || field === null || place === null) return;
  const say = (text: string): void => render(<p>{text}</p>, place);
  const find = async (): Promise<void> => {
    const search = parseSearch(field.value);
    say("Looking\u2026");
    const log = await openLog(world);
    const { head, steps } = await checkHead(world, log, await world.api.get("checkpoint"));
    if (head === undefined) {
      render(<Steps steps={steps} />, place);
      return;
    }
    const onProgress = (count: number): void =>
      say(`Looked through the newest ${formatCount(count)} entries\u2026`);
    await look({ world, log, head, onProgress }, search);
  };
  const look = async (options: FindOptions, search: Search): Promise<void> => {
    const found = await findEntry(options, search);
    const { olderCount } = found;
    show(found, () => {
      if (olderCount !== undefined) tell(look({ ...options, olderCount }, search));
    });
  };
  const tell = (looking: Promise<void>): void => {
    looking.catch((thrown: unknown) => say(messageOf(thrown)));
  };
  const show = (found: Found, lookFurther: () => void): void => {
    const { leafIndex, text, steps, olderCount } = found;
    const url = `${rootUrl()}${shard}/entry/${leafIndex}`;
    if (leafIndex !== undefined && steps.length === 0) {
      location.assign(url);
      return;
    }
    render(
      <>
        <p>
          {text} {leafIndex !== undefined && <a href={url}>Entry {formatCount(leafIndex)}</a>}
        </p>
        {steps.length > 0 && <Steps steps={steps} />}
        {olderCount !== undefined && (
          <button type="button" class="plain" onClick={lookFurther}>
            Look through {formatCount(Math.min(SCANNED_MAX, olderCount))} older entries
          </button>
        )}
      </>,
      place,
    );
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (field.value.trim() === "") return;
    tell(find());
  });
  // A line is sent by Enter, as in any search; what was pasted in lines is not.
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || field.value.includes("\n")) return;
    event.preventDefault();
    form.requestSubmit();
  });
}
