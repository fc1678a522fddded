/**
 * A certificate field by field, for people and for programs. It reads with the log's own
 * parser; one that does not parse is shown as bytes.
 * @module
 */
import { MalformedError } from "../../base/errors.ts";
import { formatBase64 } from "../../encoding/base64.ts";
import { formatHex } from "../../encoding/hex.ts";
import type { Sha256 } from "../../merkle/hash.ts";
import { decodeSctList } from "../../rfc6962/sct.ts";
import { describeExtensions } from "../../sct/describe.ts";
import { type Certificate, parseCertificate } from "../../x509/certificate.ts";
import { describeCertificate } from "../../x509/describe.ts";
import { describeExtensionBody } from "../../x509/describe-extension.ts";
import { describeName } from "../../x509/name.ts";
import { formatOid } from "../../x509/oid.ts";
import { sctListOf } from "../../x509/precert.ts";
import { formatPem } from "../../x509/roots.ts";
import { type Html, html } from "../html.ts";
import { formatBytes, formatCount, formatTime } from "./format.ts";

/** One line of a certificate: what it is, and its values. */
export interface Field {
  readonly label: string;
  readonly values: readonly string[];
  /** Whether the values are digits to compare, not words. */
  readonly isCode: boolean;
}

/** Fields that belong together. */
export interface FieldGroup {
  readonly title: string;
  readonly fields: readonly Field[];
}

/** A certificate for people. */
export interface CertificateView {
  /** Its subject, else its first name, else its fingerprint. */
  readonly title: string;
  readonly der: Uint8Array;
  readonly pem: string;
  readonly fingerprint: Uint8Array;
  readonly groups: readonly FieldGroup[];
  /** Why there is nothing but bytes; empty otherwise. */
  readonly problem: string;
}

/** Looks at a certificate; a stranger's bytes. */
export function viewCertificate(sha256: Sha256, der: Uint8Array): CertificateView {
  const fingerprint = sha256(der);
  const pem = formatPem(der);
  const print = [code("SHA-256", formatHex(fingerprint)), words("Size", formatBytes(der.length))];
  try {
    const certificate = parseCertificate(der);
    const description = describeCertificate(der);
    const title = description.subject || description.names[0] || formatHex(fingerprint);
    const groups = [
      { title: "Certificate", fields: [...summaryOf(description), ...print] },
      { title: "Subject", fields: nameFields(certificate.subject) },
      { title: "Issuer", fields: nameFields(certificate.issuer) },
      {
        title: "Public key",
        fields: [
          words("Key", description.key),
          code("SHA-256 of the SubjectPublicKeyInfo", formatHex(sha256(certificate.spki))),
          code("SubjectPublicKeyInfo", formatHex(certificate.spki)),
        ],
      },
      { title: "Extensions", fields: extensionFields(certificate) },
      {
        title: "Signature",
        fields: [
          words("Algorithm", description.signatureAlgorithm),
          code("Value", formatHex(certificate.signature)),
        ],
      },
    ];
    return {
      title,
      der,
      pem,
      fingerprint,
      groups: groups.filter(({ fields }) => fields.length > 0),
      problem: "",
    };
  } catch (thrown) {
    if (!(thrown instanceof MalformedError)) throw thrown;
    const groups = [{ title: "Certificate", fields: print }];
    const title = formatHex(fingerprint);
    return { title, der, pem, fingerprint, groups, problem: thrown.message };
  }
}

function summaryOf(description: ReturnType<typeof describeCertificate>): readonly Field[] {
  const { notBeforeMs, notAfterMs, names, version, serial } = description;
  const days = Math.round((notAfterMs - notBeforeMs) / 86_400_000);
  return [
    ...(names.length > 0 ? [{ label: "Names", values: names, isCode: false }] : []),
    words("Not before", formatTime(notBeforeMs)),
    words("Not after", `${formatTime(notAfterMs)}, ${formatCount(days)} days`),
    code("Serial number", serial),
    words("Version", String(version)),
  ];
}

function nameFields(name: Uint8Array): readonly Field[] {
  return describeName(name).map(({ type, value }) => words(NAME_TYPES[type] ?? type, value));
}

const NAME_TYPES: Readonly<Record<string, string>> = {
  CN: "Common name",
  O: "Organisation",
  OU: "Unit",
  C: "Country",
  ST: "State",
  L: "Locality",
};

function extensionFields(certificate: Certificate): readonly Field[] {
  const { extensions } = describeCertificate(certificate.der);
  return certificate.extensions.map(({ oid, value, critical }, index): Field => {
    const dotted = formatOid(oid);
    const name = extensions[index]?.name ?? dotted;
    const label = critical ? `${name}, critical` : name;
    const lines =
      sctLines(certificate, dotted) ?? describeExtensionBody(certificate, dotted, value);
    const isDigits = dotted === "2.5.29.14" || dotted === "2.5.29.35";
    if (lines === undefined) return code(label, formatHex(value));
    return { label, values: lines.length === 0 ? ["empty"] : lines, isCode: isDigits };
  });
}

/** Embedded SCTs: RFC 6962, section 3.3. */
function sctLines(certificate: Certificate, oid: string): readonly string[] | undefined {
  if (oid !== "1.3.6.1.4.1.11129.2.4.2") return undefined;
  try {
    const list = sctListOf(certificate);
    if (list === undefined) return undefined;
    return decodeSctList(list).map(({ logId, timestampMs, extensions }) => {
      const { leafIndex } = describeExtensions(extensions);
      const place = leafIndex === undefined ? "" : `, entry ${leafIndex}`;
      return `log ${formatBase64(logId)}, ${formatTime(timestampMs)}${place}`;
    });
  } catch (thrown) {
    if (thrown instanceof MalformedError) return undefined;
    throw thrown;
  }
}

function words(label: string, value: string): Field {
  return { label, values: [value], isCode: false };
}

function code(label: string, value: string): Field {
  return { label, values: [value], isCode: true };
}

/** A certificate for programs. */
export function certificateData(view: CertificateView): object {
  return {
    sha256: formatHex(view.fingerprint),
    der: formatBase64(view.der),
    ...(view.problem !== "" && { problem: view.problem }),
    fields: Object.fromEntries(
      view.groups.map(({ title, fields }) => [
        title,
        fields.map(({ label, values }) => ({ label, values })),
      ]),
    ),
  };
}

/** A certificate as a page shows it. */
export function renderCertificate({ groups, problem }: CertificateView): Html {
  return html`${problem !== "" && html`<p class="notice">This does not parse: ${problem}</p>`}<div class="certificate">${groups.map(
    ({ title, fields }) =>
      html`<section><h3>${title}</h3><dl class="facts">${fields.map(renderField)}</dl></section>`,
  )}</div>`;
}

function renderField({ label, values, isCode }: Field): Html {
  const shown = (value: string) => (isCode ? html`<code class="hash">${value}</code>` : value);
  const [only] = values;
  if (values.length === 1 && only !== undefined) {
    return html`<div><dt>${label}</dt><dd>${shown(only)}</dd></div>`;
  }
  return html`<div><dt>${label}</dt><dd><ul class="values">${values.map((value) => html`<li>${shown(value)}</li>`)}</ul></dd></div>`;
}
