import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { renderMarkdown, sectionOf } from "../../../src/dashboard/operator/runbook.ts";

const BOOK = `# Operations

### StratusA

**Means.** *page.* One.

\`\`\`sh
ls <x>

df
\`\`\`

### StratusAB

Two.

## Later

Three.
`;

test("sectionOf() is what stands below the alert's own heading", () => {
  assert.equal(sectionOf(BOOK, "StratusAB"), "Two.");
  assert.match(sectionOf(BOOK, "StratusA") ?? "", /^\*\*Means\.\*\*.*df\n```$/s);
  assert.equal(sectionOf(BOOK, "Stratus"), undefined);
  assert.equal(sectionOf("", "StratusA"), undefined);
});

test("renderMarkdown() writes paragraphs, code, lists and words, and escapes", () => {
  const text = sectionOf(BOOK, "StratusA") ?? "";
  assert.equal(
    renderMarkdown(text).toString(),
    "<p><strong>Means.</strong> <em>page.</em> One.</p><pre><code>ls &lt;x&gt;\n\ndf</code></pre>",
  );
  const inline = "See [ERRORS.md](ERRORS.md) and `a*b*` <b>.";
  const shown = "<p>See ERRORS.md and <code>a*b*</code> &lt;b&gt;.</p>";
  assert.equal(renderMarkdown(inline).toString(), shown);
  const list = renderMarkdown("- one\n- `two`\n").toString();
  assert.equal(list, "<ul><li>one\n</li><li><code>two</code>\n</li></ul>");
});

test("renderMarkdown() leaves no mark of Markdown in the pages of alerts", () => {
  const path = new URL("../../../docs/OPERATIONS.md", import.meta.url);
  const book = readFileSync(path, "utf8");
  const alerts = [...book.matchAll(/^### (Stratus\w+)$/gm)].map(([, name = ""]) => name);
  assert.ok(alerts.length > 20);
  for (const alert of alerts) {
    const shown = renderMarkdown(sectionOf(book, alert) ?? "").toString();
    const words = shown.replaceAll(/<(pre|code)>.*?<\/\1>/gs, "");
    assert.doesNotMatch(words, /\*\*|`|\]\(/, alert);
  }
});
