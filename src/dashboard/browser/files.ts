/**
 * Files for a form: dropped anywhere on it, or chosen with a button, which only this puts there.
 * @module
 */
import { FILE_BYTES_MAX, textOfFile } from "../check/dropped.ts";

/** Files that are taken at once: a chain in single files. */
const FILES_MAX = 16;

/** Puts the text of files into `field` and sends the form; `fail` says why not. */
export function watchFiles(
  form: HTMLFormElement,
  field: HTMLTextAreaElement,
  fail: (message: string) => void,
): void {
  const take = async (files: FileList): Promise<void> => {
    const chosen = [...files].slice(0, FILES_MAX);
    const tooLarge = chosen.find(({ size }) => size > FILE_BYTES_MAX);
    if (tooLarge !== undefined) {
      fail(`${tooLarge.name} has more than ${FILE_BYTES_MAX} bytes: it is no chain.`);
      return;
    }
    if (chosen.length === 0) return;
    const read = async (file: File): Promise<Uint8Array> =>
      new Uint8Array(await file.arrayBuffer());
    const texts = await Promise.all(chosen.map(async (file) => textOfFile(await read(file))));
    field.value = texts.join("\n");
    form.requestSubmit();
  };
  const mark = (isOver: boolean): void => void form.classList.toggle("over", isOver);
  form.addEventListener("dragover", (event) => {
    event.preventDefault();
    mark(true);
  });
  form.addEventListener("dragleave", () => mark(false));
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    mark(false);
    if (event.dataTransfer) takeOrSay(take(event.dataTransfer.files), fail);
  });
  const place = form.querySelector("#paste-file");
  if (place === null) return;
  const input = document.createElement("input");
  input.type = "file";
  input.multiple = true;
  input.id = "paste-files";
  input.className = "unseen";
  const label = document.createElement("label");
  label.htmlFor = input.id;
  label.className = "button plain";
  label.textContent = "Choose files";
  input.addEventListener("change", () => {
    if (input.files) takeOrSay(take(input.files), fail);
    // The same file again is a change, too.
    input.value = "";
  });
  const hint = document.createElement("span");
  hint.className = "drop-hint";
  hint.textContent = "or drop them here";
  place.replaceChildren(input, label, hint);
}

function takeOrSay(taken: Promise<void>, fail: (message: string) => void): void {
  taken.catch((thrown: unknown) => fail(String(thrown)));
}
