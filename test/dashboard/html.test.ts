import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { escapeHtml, Html, html } from "../../src/dashboard/html.ts";
import { readSource, sourceFiles } from "../support/source.ts";

test("html`` escapes every text, in elements and in attributes", () => {
  const evil = `<script>alert("1")</script>' & co`;
  assert.equal(
    String(html`<p title="${evil}">${evil}</p>`),
    '<p title="&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39; &amp; co">&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39; &amp; co</p>',
  );
});

test("html`` joins lists, leaves out undefined and false, and takes its own work as it is", () => {
  const items = ["a<", "b"].map((text) => html`<li>${text}</li>`);
  assert.equal(
    String(html`<ul>${items}${undefined}${false}</ul>${5}`),
    "<ul><li>a&lt;</li><li>b</li></ul>5",
  );
});

test("property: no text put into html`` opens or closes a tag, or ends an attribute", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      assert.doesNotMatch(escapeHtml(text), /[<>"']|&(?!(?:amp|lt|gt|quot|#39);)/);
    }),
  );
});

test("escapeHtml() shows control characters and turns of direction as U+FFFD", () => {
  assert.equal(escapeHtml("a\u0000b\u202ec\u200bd\te"), "a\ufffdb\ufffdc\ufffdd\te");
});

test("markup cannot be made but by html``", () => {
  assert.throws(() => new Html(Symbol("html"), "<b>"), RangeError);
});

/** Templates of html`` with their values as `\u0000`, nested ones apart. */
function templatesOf(source: string): readonly string[] {
  const found: string[] = [];
  const read = (start: number): number => {
    const isHtml = source.endsWith("html", start - 1);
    let text = "";
    let index = start;
    while (source[index] !== "`") {
      if (source[index] === "\\") {
        text += source.slice(index, index + 2);
        index += 2;
      } else if (source.startsWith("${", index)) {
        text += "\0";
        index = readValue(index + 2);
      } else {
        text += source[index];
        index += 1;
      }
    }
    if (isHtml) found.push(text);
    return index + 1;
  };
  const readValue = (start: number): number => {
    let depth = 1;
    let index = start;
    while (depth > 0) {
      const character = source[index];
      if (character === undefined) throw new Error("a template does not end");
      index += 1;
      if (character === "`") index = read(index);
      else if (character === "{") depth += 1;
      else if (character === "}") depth -= 1;
    }
    return index;
  };
  let next = source.indexOf("html`");
  while (next >= 0) {
    next = source.indexOf("html`", read(next + 5));
  }
  return found;
}

for (const file of sourceFiles("src/dashboard/**/*.{ts,tsx}")) {
  if (file === "src/dashboard/html.ts") continue;
  test(`${file}: values stand in text or in quoted attributes, and nothing is inline`, () => {
    for (const template of templatesOf(readSource(file))) {
      assert.doesNotMatch(template, /=\s*\0/, "an attribute without quotes");
      assert.doesNotMatch(template, /<\/?\0/, "a name of a tag");
      assert.doesNotMatch(template, /\sstyle=|\son[a-z]+=|<style|<script(?![^>]*\ssrc=)/i);
    }
  });
}
