/**
 * Mutations of DER that leave the lengths around them right: a changed byte is otherwise
 * refused by the first header, and the inner parts are never reached. Shares no code with
 * src/x509.
 * @module
 */
import { ODD_BYTES, type Random } from "./fuzz.ts";

interface Node {
  tag: number;
  /** Content octets, where nothing inside was read. */
  content: Uint8Array;
  /** What stands inside, also of an OCTET STRING that holds DER. */
  children: Node[] | undefined;
}

/** Tags that certificates know, and some that they do not. */
const TAGS: readonly number[] = [
  1, 2, 3, 4, 5, 6, 10, 12, 19, 22, 23, 24, 30, 48, 49, 0x1f, 0x80, 0x81, 0x82, 0xa0, 0xa1, 0xa3,
];

/** Nodes of an input at most: mutations of mutations could grow without end. */
const NODES_MAX = 2_000;

/** Levels that nesting adds. */
const NESTING_MAX = 40;

/** `der` after one change of one element; what is no DER comes back with a byte changed. */
export function mutateDer(random: Random, der: Uint8Array): Uint8Array {
  const top = parse(der);
  const all = top === undefined ? [] : flatten(top);
  if (top === undefined || all.length === 0 || all.length > NODES_MAX) {
    const copy = der.slice();
    if (copy.length > 0) copy[random.below(copy.length)] = random.pick(ODD_BYTES);
    return copy;
  }
  const { node, siblings } = random.pick(all);
  const at = siblings.indexOf(node);
  switch (random.below(10)) {
    case 0:
      siblings.splice(at, 1);
      break;
    case 1:
      siblings.splice(at, 0, node);
      break;
    case 2:
      // A copy: an element put into itself would have no end.
      siblings.splice(at, 1, structuredClone(random.pick(all).node));
      break;
    case 3:
      node.tag = random.pick(TAGS);
      break;
    case 4:
      siblings.reverse();
      break;
    case 5: {
      let inner: Node = node;
      for (let depth = random.below(NESTING_MAX); depth >= 0; depth -= 1) {
        inner = { tag: node.tag, content: node.content, children: [inner] };
      }
      siblings[at] = inner;
      break;
    }
    case 6:
      node.children = undefined;
      node.content = random.bytes(random.below(24));
      break;
    default:
      editContent(random, node);
  }
  return encode(top);
}

/** `der` with one of its elements again and again, up to some `bytes`; as it is if it is no DER. */
export function growDer(random: Random, der: Uint8Array, bytes: number): Uint8Array {
  const top = parse(der);
  const all = top === undefined ? [] : flatten(top);
  if (top === undefined || all.length === 0) return der;
  const { node, siblings } = random.pick(all);
  const count = Math.max(0, Math.floor((bytes - der.length) / encode([node]).length));
  const before = siblings.splice(0, siblings.indexOf(node));
  const after = siblings.splice(0);
  for (const part of [before, Array.from({ length: count }, () => node), after]) {
    for (const one of part) siblings.push(one);
  }
  return encode(top);
}

function editContent(random: Random, node: Node): void {
  if (node.children !== undefined) {
    if (random.below(4) === 0) node.children = [];
    return;
  }
  const content = Array.from(node.content);
  const at = random.below(content.length + 1);
  switch (random.below(4)) {
    case 0:
      content.splice(at, 1);
      break;
    case 1:
      content.splice(at, 0, random.pick(ODD_BYTES));
      break;
    case 2:
      if (at < content.length) content[at] = random.pick(ODD_BYTES);
      break;
    default:
      if (at < content.length) content[at] = (content[at] ?? 0) ^ (1 << random.below(8));
  }
  node.content = Uint8Array.from(content);
}

interface Placed {
  readonly node: Node;
  readonly siblings: Node[];
}

function flatten(siblings: Node[]): Placed[] {
  const found: Placed[] = [];
  const open: Node[][] = [siblings];
  for (let list = open.pop(); list !== undefined; list = open.pop()) {
    for (const node of list) {
      found.push({ node, siblings: list });
      if (node.children !== undefined) open.push(node.children);
    }
    if (found.length > NODES_MAX) return found;
  }
  return found;
}

/** The elements of `bytes`; undefined unless it is made of whole ones with lengths below 2^24. */
function parse(bytes: Uint8Array, depth = 0): Node[] | undefined {
  const nodes: Node[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at] ?? 0;
    const first = bytes[at + 1];
    if (first === undefined || first > 0x83) return undefined;
    const octets = first < 0x80 ? 0 : first - 0x80;
    let length = octets === 0 ? first : 0;
    for (let index = 0; index < octets; index += 1)
      length = length * 256 + (bytes[at + 2 + index] ?? 0);
    const start = at + 2 + octets;
    const end = start + length;
    if (end > bytes.length) return undefined;
    const content = bytes.slice(start, end);
    const isOpen = (tag & 0x20) !== 0 || (tag === 4 && length > 1);
    const children = isOpen && depth < 100 ? parse(content, depth + 1) : undefined;
    nodes.push({ tag, content, children });
    at = end;
  }
  return nodes;
}

function encode(nodes: readonly Node[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const { tag, content, children } of nodes) {
    const body = children === undefined ? content : encode(children);
    parts.push(header(tag, body.length), body);
  }
  return new Uint8Array(Buffer.concat(parts));
}

function header(tag: number, length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(tag, length);
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return Uint8Array.of(tag, 0x80 + octets.length, ...octets);
}
