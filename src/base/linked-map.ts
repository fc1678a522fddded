/**
 * A map for what comes and goes with every request. JavaScript's own makes a new table whenever
 * enough was deleted, and the old one leads to it: once one is in the old generation, all later
 * ones and what they held stay until the next collection of the whole heap. *Measured*: at 2,000
 * submissions a second that kept each of them 4 s and not 15 ms, and made such collections, which
 * stop everything, three times as frequent.
 * @module
 */

interface Node<Key, Value> {
  readonly key: Key;
  value: Value;
  readonly hash: number;
  /** The next in the same bucket. */
  next: Node<Key, Value> | undefined;
  older: Node<Key, Value> | undefined;
  newer: Node<Key, Value> | undefined;
}

const BUCKETS_MIN = 16;

/**
 * A map in the order in which its entries were last set. Keys are whole numbers or strings that
 * differ, as hashes do, in their last eight or first four characters: else it is only slow.
 */
export class LinkedMap<Key extends string | number, Value> {
  #buckets: (Node<Key, Value> | undefined)[] = emptyBuckets(BUCKETS_MIN);
  #size = 0;
  #oldest: Node<Key, Value> | undefined;
  #newest: Node<Key, Value> | undefined;

  /** Entries. */
  get size(): number {
    return this.#size;
  }

  get(key: Key): Value | undefined {
    return this.#find(key, hashOf(key))?.value;
  }

  has(key: Key): boolean {
    return this.#find(key, hashOf(key)) !== undefined;
  }

  /** Puts an entry in; it is the newest, wherever it was before. */
  set(key: Key, value: Value): void {
    const hash = hashOf(key);
    const known = this.#find(key, hash);
    if (known !== undefined) {
      known.value = value;
      this.#renew(known);
      return;
    }
    if (this.#size >= this.#buckets.length) this.#grow();
    const bucket = hash & (this.#buckets.length - 1);
    const next = this.#buckets[bucket];
    const node = { key, value, hash, next, older: undefined, newer: undefined };
    this.#buckets[bucket] = node;
    this.#size += 1;
    this.#append(node);
  }

  /** As `get`, and makes the entry the newest. */
  use(key: Key): Value | undefined {
    const known = this.#find(key, hashOf(key));
    if (known !== undefined) this.#renew(known);
    return known?.value;
  }

  /** Takes an entry out. @returns Whether it was there. */
  delete(key: Key): boolean {
    const hash = hashOf(key);
    const bucket = hash & (this.#buckets.length - 1);
    let before: Node<Key, Value> | undefined;
    let node = this.#buckets[bucket];
    while (node !== undefined && node.key !== key) {
      before = node;
      node = node.next;
    }
    if (node === undefined) return false;
    if (before === undefined) this.#buckets[bucket] = node.next;
    else before.next = node.next;
    node.next = undefined;
    this.#unlink(node);
    this.#size -= 1;
    return true;
  }

  /** The entry that was set longest ago; undefined of nothing. */
  oldest(): readonly [Key, Value] | undefined {
    const node = this.#oldest;
    return node === undefined ? undefined : [node.key, node.value];
  }

  /** The keys, the oldest first. The one that was given last may be taken out meanwhile. */
  *keys(): IterableIterator<Key> {
    let node = this.#oldest;
    while (node !== undefined) {
      const { key, newer }: Node<Key, Value> = node;
      yield key;
      node = newer;
    }
  }

  /** All values now, the oldest first. */
  values(): readonly Value[] {
    return this.#nodes().map(({ value }) => value);
  }

  clear(): void {
    this.#buckets = emptyBuckets(BUCKETS_MIN);
    this.#size = 0;
    this.#oldest = undefined;
    this.#newest = undefined;
  }

  #nodes(): readonly Node<Key, Value>[] {
    const nodes: Node<Key, Value>[] = [];
    for (let node = this.#oldest; node !== undefined; node = node.newer) nodes.push(node);
    return nodes;
  }

  #find(key: Key, hash: number): Node<Key, Value> | undefined {
    let node = this.#buckets[hash & (this.#buckets.length - 1)];
    while (node !== undefined && node.key !== key) node = node.next;
    return node;
  }

  #renew(node: Node<Key, Value>): void {
    if (node === this.#newest) return;
    this.#unlink(node);
    this.#append(node);
  }

  #append(node: Node<Key, Value>): void {
    node.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = node;
    else this.#newest.newer = node;
    this.#newest = node;
  }

  /** What leaves leads to nothing that stays. */
  #unlink(node: Node<Key, Value>): void {
    if (node.older === undefined) this.#oldest = node.newer;
    else node.older.newer = node.newer;
    if (node.newer === undefined) this.#newest = node.older;
    else node.newer.older = node.older;
    node.older = undefined;
    node.newer = undefined;
  }

  #grow(): void {
    const buckets: (Node<Key, Value> | undefined)[] = emptyBuckets(2 * this.#buckets.length);
    for (const node of this.#nodes()) {
      const bucket = node.hash & (buckets.length - 1);
      node.next = buckets[bucket];
      buckets[bucket] = node;
    }
    this.#buckets = buckets;
  }
}

function emptyBuckets(length: number): undefined[] {
  return new Array<undefined>(length).fill(undefined);
}

/** FNV-1a of what tells keys apart. */
function hashOf(key: string | number): number {
  if (typeof key === "number") return key ^ (key / 2 ** 32);
  let hash = 0x811c9dc5;
  const { length } = key;
  for (let index = Math.max(0, length - 8); index < length; index += 1) {
    hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  }
  for (let index = Math.min(4, length - 8) - 1; index >= 0; index -= 1) {
    hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  }
  return hash ^ (hash >>> 15);
}

/** Keeps an entry as the newest of `entriesMax` at most: the oldest gives way. */
export function keep<Key extends string | number, Value>(
  map: LinkedMap<Key, Value>,
  key: Key,
  value: Value,
  entriesMax: number,
): void {
  map.set(key, value);
  const oldest = map.size > entriesMax ? map.oldest() : undefined;
  if (oldest !== undefined) map.delete(oldest[0]);
}
