/**
 * A store as an audit walks through it.
 * @module
 */

import { FatalError } from "../base/errors.ts";
import { formatHex } from "../encoding/hex.ts";
import { frontierNodes } from "../merkle/frontier.ts";
import { TILE_WIDTH } from "../merkle/tile.ts";
import { decodeTileLeaf, type TileLeaf } from "../static-ct/tile-leaf.ts";
import { entryOfRun, type StoreReader } from "../storage/store.ts";
import type { AuditSource, TileReader } from "./source.ts";

/** Entries that one read of a store takes at most. */
const READ_ENTRIES_MAX = 4_096;

/** The store behind `reader`, up to whatever size the caller asks for. */
export function storeAuditSource(reader: StoreReader): AuditSource {
  return {
    nodeLevelStep: 4,
    async entries(start, end) {
      const leaves: TileLeaf[] = [];
      for (let first = start; first < end; first += READ_ENTRIES_MAX) {
        const run = await reader.readEntries(first, Math.min(end, first + READ_ENTRIES_MAX));
        for (let position = 0; position < run.ends.length; position += 1) {
          leaves.push(decodeTileLeaf(entryOfRun(run, position)));
        }
      }
      return leaves;
    },
    nodes(level, start, end) {
      const count = end - start;
      return reader.readNodes(
        Array.from({ length: count }, (_, position) => ({ level, index: start + position })),
      );
    },
    frontier: (size) => reader.readNodes(frontierNodes(size)),
    sealedTile: (index) => reader.readSealedTile(index),
    issuer: (fingerprint) => reader.readIssuer(fingerprint),
    indexes: {
      findDuplicates: (dedupKeys) => reader.findDuplicates(dedupKeys),
      findLeaf: (leafHash) => reader.findLeaf(leafHash),
    },
  };
}

/** Tiles and issuers of the store behind `reader`, as its log would serve them. */
export function storeTileReader(reader: StoreReader): TileReader {
  return {
    tile: (level, index, width) => reader.readTile(level, index, width),
    async dataTile(index, width) {
      const start = index * TILE_WIDTH;
      return (await reader.readEntries(start, start + width)).bytes;
    },
    async issuer(fingerprint) {
      const issuer = await reader.readIssuer(fingerprint);
      if (issuer !== undefined) return issuer;
      const name = formatHex(fingerprint);
      throw new FatalError("FATAL_STORE_CORRUPT", `issuer ${name} of an entry is not stored`);
    },
  };
}
