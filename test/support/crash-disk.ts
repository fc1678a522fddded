/**
 * A model of a disk below a file system, fed with what a process did: what is durable at each
 * moment, what may or may not be, and images of what a crash could leave.
 *
 * - Bytes of a file are durable once a flush of it that began after their write has ended.
 *   Until then each of their sectors lands or does not, in any order.
 * - A name (made, renamed, removed) is durable once its folder was flushed; until then each
 *   change lands or does not, in any order.
 * - In folders that `isJournaled` names, changes land in their order, and a flush of a file in
 *   there makes those before it durable. LevelDB needs that of a file system: it never flushes
 *   its folder after it has made a new log. ext4, xfs and btrfs do so.
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Operation } from "./strace.ts";

/** Bytes that a disk writes as one. */
const SECTOR_BYTES = 512;

type Change =
  | { readonly position: number; readonly bytes: Buffer }
  /** Cuts the file. */
  | { readonly length: number };

interface FileNode {
  readonly type: "file";
  durable: Buffer;
  /** Changes since, oldest first. */
  readonly pending: Change[];
}

/** Sets names, all or none; undefined removes one. */
interface NameChange {
  readonly sets: readonly (readonly [FolderNode, string, DiskNode | undefined])[];
}

interface FolderNode {
  readonly type: "folder";
  readonly isJournaled: boolean;
  readonly durable: Map<string, DiskNode>;
  readonly current: Map<string, DiskNode>;
  pending: NameChange[];
}

type DiskNode = FileNode | FolderNode;

interface Handle {
  readonly node: DiskNode;
  readonly folder: FolderNode | undefined;
  readonly isAppending: boolean;
  position: number;
}

/** Decides what of the things that may land does. */
export interface Luck {
  /** How many of `count` ordered changes of names. */
  prefix(count: number): number;
  /** Whether one unordered change of a name does. */
  lands(): boolean;
  /** Which of `count` sectors of one write do. */
  sectors(count: number): readonly boolean[];
}

/** Everything or nothing. */
export function allOrNothing(isAll: boolean): Luck {
  return {
    prefix: (count) => (isAll ? count : 0),
    lands: () => isAll,
    sectors: (count) => Array.from({ length: count }, () => isAll),
  };
}

/** Anything, decided by `random`, which gives numbers of [0, 1). */
export function anyLuck(random: () => number): Luck {
  return {
    prefix: (count) => Math.floor(random() * (count + 1)),
    lands: () => random() < 0.5,
    sectors: (count) => {
      const kind = random();
      if (kind < 0.3) return Array.from({ length: count }, () => true);
      if (kind < 0.5) return Array.from({ length: count }, () => false);
      const cut = Math.floor(random() * (count + 1));
      if (kind < 0.75) return Array.from({ length: count }, (_, at) => at < cut);
      return Array.from({ length: count }, () => random() < 0.5);
    },
  };
}

/** What a crash leaves: files by path relative to the root; undefined is a folder. */
export type Image = ReadonlyMap<string, Buffer | undefined>;

/** The disk below the folder `root`. */
export class CrashDisk {
  readonly #root: string;
  readonly #isJournaled: (name: string) => boolean;
  readonly #top: FolderNode;
  readonly #handles = new Map<number, Handle>();
  /** What a flush that has begun will have made durable. */
  readonly #flushes = new Map<number, () => void>();

  constructor(root: string, isJournaled: (name: string) => boolean) {
    this.#root = root;
    this.#isJournaled = isJournaled;
    this.#top = makeFolder(false);
  }

  /** Applies what the process did next. */
  apply(operation: Operation): void {
    switch (operation.type) {
      case "open":
        this.#open(operation.fd, operation.path, operation.flags);
        return;
      case "close":
        this.#handles.delete(operation.fd);
        return;
      case "write":
        this.#write(operation.fd, operation.bytes, operation.position);
        return;
      case "truncate": {
        const node = this.#handles.get(operation.fd)?.node;
        if (node?.type === "file") node.pending.push({ length: operation.length });
        return;
      }
      case "sync begins":
        this.#beginFlush(operation.id, operation.fd);
        return;
      case "sync ends":
        this.#flushes.get(operation.id)?.();
        this.#flushes.delete(operation.id);
        return;
      case "mkdir":
        this.#name(operation.path, makeFolder(this.#isJournaled(basename(operation.path))));
        return;
      case "link":
        this.#name(operation.to, this.#find(operation.path));
        return;
      case "rename":
        this.#rename(operation.path, operation.to);
        return;
      case "unlink":
        this.#name(operation.path, undefined);
        return;
      case "say":
        return;
    }
  }

  /** The file or folder that a flush is of, relative to the root; undefined: not below it. */
  pathOf(fd: number): string | undefined {
    const handle = this.#handles.get(fd);
    return handle && pathOfNode(this.#top, handle.node, "");
  }

  /** What a crash now could leave. */
  image(luck: Luck): Image {
    const image = new Map<string, Buffer | undefined>();
    // A change that concerns two folders lands in both or in neither.
    const decided = new Map<NameChange, boolean>();
    const visit = (folder: FolderNode, path: string): void => {
      const names = new Map(folder.durable);
      const count = folder.isJournaled ? luck.prefix(folder.pending.length) : 0;
      for (const [at, change] of folder.pending.entries()) {
        const known = decided.get(change);
        const lands = known ?? (folder.isJournaled ? at < count : luck.lands());
        decided.set(change, lands);
        if (lands) setNames(change, folder, names);
      }
      for (const [name, node] of names) {
        const inner = path === "" ? name : `${path}/${name}`;
        image.set(inner, node.type === "file" ? contentOf(node, luck) : undefined);
        if (node.type === "folder") visit(node, inner);
      }
    };
    visit(this.#top, "");
    return image;
  }

  #open(fd: number, path: string, flags: string): void {
    this.#handles.delete(fd);
    if (!this.#isBelow(path)) return;
    let node = this.#find(path);
    if (node === undefined) {
      assert(flags.includes("O_CREAT"), `${path} was opened and is not known`);
      node = { type: "file", durable: Buffer.alloc(0), pending: [] };
      this.#name(path, node);
    }
    if (flags.includes("O_TRUNC") && node.type === "file") node.pending.push({ length: 0 });
    const folder = path === this.#root ? undefined : this.#folderOf(path);
    this.#handles.set(fd, { node, folder, isAppending: flags.includes("O_APPEND"), position: 0 });
  }

  #write(fd: number, bytes: Buffer, position: number | undefined): void {
    const handle = this.#handles.get(fd);
    if (handle?.node.type !== "file") return;
    const start = handle.isAppending ? lengthOf(handle.node) : (position ?? handle.position);
    handle.node.pending.push({ position: start, bytes });
    if (position === undefined) handle.position = start + bytes.length;
  }

  #beginFlush(id: number, fd: number): void {
    const handle = this.#handles.get(fd);
    if (handle === undefined) return;
    const { node, folder } = handle;
    const journal = node.type === "folder" ? node : folder?.isJournaled ? folder : undefined;
    const changes = [...(journal?.pending ?? [])];
    const written = new Set(node.type === "file" ? node.pending : []);
    this.#flushes.set(id, () => {
      if (node.type === "file") {
        const covered = node.pending.filter((change) => written.has(change));
        const rest = node.pending.filter((change) => !written.has(change));
        node.durable = applyAll(node.durable, covered);
        node.pending.splice(0, node.pending.length, ...rest);
      }
      for (const change of changes) this.#settle(change);
    });
  }

  /** Makes a change of names durable in every folder that it concerns. */
  #settle(change: NameChange): void {
    for (const folder of new Set(change.sets.map(([folder]) => folder))) {
      if (!folder.pending.includes(change)) continue;
      setNames(change, folder, folder.durable);
      folder.pending = folder.pending.filter((other) => other !== change);
    }
  }

  #name(path: string, node: DiskNode | undefined): void {
    if (!this.#isBelow(path)) return;
    this.#change([[this.#folderOf(path), basename(path), node]]);
  }

  #rename(path: string, to: string): void {
    if (!this.#isBelow(path)) return;
    const node = this.#find(path);
    assert(node !== undefined, `${path} was renamed and is not known`);
    this.#change([
      [this.#folderOf(path), basename(path), undefined],
      [this.#folderOf(to), basename(to), node],
    ]);
  }

  #change(sets: NameChange["sets"]): void {
    const change: NameChange = { sets };
    for (const folder of new Set(sets.map(([folder]) => folder))) {
      setNames(change, folder, folder.current);
      folder.pending.push(change);
    }
  }

  #isBelow(path: string): boolean {
    return path === this.#root || path.startsWith(`${this.#root}/`);
  }

  #folderOf(path: string): FolderNode {
    const folder = this.#find(dirname(path));
    assert(folder?.type === "folder", `${dirname(path)} is a known folder`);
    return folder;
  }

  #find(path: string): DiskNode | undefined {
    let node: DiskNode | undefined = this.#top;
    for (const name of path.slice(this.#root.length).split("/")) {
      if (name === "") continue;
      node = node?.type === "folder" ? node.current.get(name) : undefined;
    }
    return node;
  }
}

/** Writes an image below `path`, which must be empty. */
export async function writeImage(image: Image, path: string): Promise<void> {
  for (const [name, bytes] of image) {
    if (bytes === undefined) await mkdir(join(path, name), { mode: 0o700 });
    else await writeFile(join(path, name), bytes, { mode: 0o600 });
  }
}

/** Tells images apart. */
export function hashImage(image: Image): string {
  const hash = createHash("sha256");
  for (const [name, bytes] of [...image].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${name} ${bytes?.length}\n`);
    if (bytes !== undefined) hash.update(bytes);
  }
  return hash.digest("hex");
}

function makeFolder(isJournaled: boolean): FolderNode {
  return {
    type: "folder",
    isJournaled,
    durable: new Map(),
    current: new Map(),
    pending: [],
  };
}

function setNames(change: NameChange, folder: FolderNode, names: Map<string, DiskNode>): void {
  for (const [of, name, node] of change.sets) {
    if (of !== folder) continue;
    if (node === undefined) names.delete(name);
    else names.set(name, node);
  }
}

function contentOf(file: FileNode, luck: Luck): Buffer {
  const landed: Change[] = [];
  for (const change of file.pending) {
    if ("length" in change) {
      if (luck.lands()) landed.push(change);
      continue;
    }
    const { position, bytes } = change;
    const first = Math.floor(position / SECTOR_BYTES);
    const last = Math.ceil((position + bytes.length) / SECTOR_BYTES);
    for (const [at, lands] of luck.sectors(last - first).entries()) {
      if (!lands) continue;
      const start = Math.max(position, (first + at) * SECTOR_BYTES);
      const end = Math.min(position + bytes.length, (first + at + 1) * SECTOR_BYTES);
      const piece = bytes.subarray(start - position, end - position);
      landed.push({ position: start, bytes: piece });
    }
  }
  return applyAll(file.durable, landed);
}

function lengthOf(file: FileNode): number {
  let { length } = file.durable;
  for (const change of file.pending) {
    if ("length" in change) length = change.length;
    else length = Math.max(length, change.position + change.bytes.length);
  }
  return length;
}

/** A fresh buffer; bytes that nobody wrote are zero. */
function applyAll(before: Buffer, changes: readonly Change[]): Buffer {
  if (changes.length === 0) return before;
  let length = before.length;
  let longest = length;
  for (const change of changes) {
    length =
      "length" in change ? change.length : Math.max(length, change.position + change.bytes.length);
    longest = Math.max(longest, length);
  }
  const out = Buffer.alloc(longest);
  before.copy(out);
  for (const change of changes) {
    if ("length" in change) out.fill(0, change.length);
    else change.bytes.copy(out, change.position);
  }
  return out.subarray(0, length);
}

function pathOfNode(folder: FolderNode, wanted: DiskNode, path: string): string | undefined {
  if (folder === wanted) return path;
  for (const [name, node] of folder.current) {
    const inner = path === "" ? name : `${path}/${name}`;
    if (node === wanted) return inner;
    const found = node.type === "folder" ? pathOfNode(node, wanted, inner) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}
