/**
 * The living part of the accepted roots: the list shrinks while one types. Without it the
 * form asks the server.
 * @module
 */

const field = document.querySelector<HTMLInputElement>("#q");
const found = document.querySelector("#found");
const rows = [...document.querySelectorAll<HTMLTableRowElement>("table.roots tbody tr")];
const texts = rows.map((row) => (row.textContent ?? "").toLowerCase());

// A page that was searched by the server holds a part of the roots only.
if (field !== null && field.value === "") {
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().replaceAll(":", "").split(/\s+/);
    let count = 0;
    for (const [index, row] of rows.entries()) {
      const text = texts[index] ?? "";
      row.hidden = !words.every((word) => text.includes(word));
      if (!row.hidden) count += 1;
    }
    if (found) found.textContent = `${count} of ${rows.length} match.`;
  });
}
