/**
 * A form that a page posts: bounded, limited and judged in turn, as a dry run of a submission
 * is, since that is what it costs. Nothing is logged by it.
 * @module
 */
import type { HttpRequest } from "./exchange.ts";
import { type Pages, pageAnswer } from "./pages.ts";
import { pathOf } from "./query.ts";
import type { Handler } from "./responder.ts";
import { judgeUnlogged, type SubmitSurroundings } from "./submit.ts";

/** Allow header of a page with a form. */
export const FORM = "GET, HEAD, POST, OPTIONS";

/** The handler of a form; undefined where `pages` takes none. */
export function formHandler(
  pages: Pages,
  request: HttpRequest,
  surroundings: SubmitSurroundings,
): Handler | undefined {
  if (request.method !== "POST") return undefined;
  const path = pathOf(request.url ?? "");
  if (!pages.takes(path)) return undefined;
  return (_, response) =>
    judgeUnlogged(surroundings, "addChain", request, response, async (body) => {
      const page = await pages.posted(path, fieldsOf(body.toString("utf8")));
      return response.destroyed ? undefined : pageAnswer(page, request);
    });
}

/**
 * The fields of a form as browsers post it. What is no form counts as its field `text`, whatever
 * its type: `curl --data-binary @chain.pem` calls PEM a form.
 */
function fieldsOf(body: string): (name: string) => string {
  if (!/^[a-z]{1,16}=/.test(body)) return (name) => (name === "text" ? body : "");
  const fields = new URLSearchParams(body);
  return (name) => fields.get(name) ?? "";
}
