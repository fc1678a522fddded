/**
 * Whether a client takes gzip: RFC 9110, section 12.5.3.
 * @module
 */

/** `unsaid` where the client sends no Accept-Encoding: then every coding is allowed. */
export type GzipWish = "accepted" | "refused" | "unsaid";

/** Reads an Accept-Encoding header. */
export function gzipWish(header: string | undefined): GzipWish {
  if (header === undefined) return "unsaid";
  // What most monitors send.
  if (header === "gzip") return "accepted";
  let any: GzipWish | undefined;
  for (const item of header.toLowerCase().split(",")) {
    const [coding = "", ...parameters] = item.split(";").map((part) => part.trim());
    const weight = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2) ?? "1";
    const wish = Number(weight) > 0 ? "accepted" : "refused";
    if (coding === "gzip" || coding === "x-gzip") return wish;
    if (coding === "*") any = wish;
  }
  return any ?? "refused";
}
