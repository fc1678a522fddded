/**
 * `stratus init`: creates each shard of the configuration that does not exist yet.
 * @module
 */
import type { Config } from "../config/config.ts";
import { createShard } from "../create.ts";
import { formatBase64 } from "../encoding/base64.ts";
import { formatHex } from "../encoding/hex.ts";

/**
 * Creates what is missing, shard by shard, and says so; what exists is left alone.
 * @param print Takes one line without its end.
 * @returns How many shards were created.
 * @throws FatalError, MalformedError for the first shard that may not be created.
 */
export async function initShards(config: Config, print: (line: string) => void): Promise<number> {
  let created = 0;
  for (const shard of config.shards) {
    const result = await createShard(config, shard);
    if (result.state === "exists") {
      print(`${shard.name}: exists already, left as it is`);
      continue;
    }
    created += 1;
    print(`${shard.name}: created`);
    print(`  folder      ${shard.folder}`);
    print(`  key         ${shard.keyPath} (${result.isNewKey ? "new" : "found there"})`);
    print(`  log ID      ${formatBase64(result.logId)} (${formatHex(result.logId)})`);
    print(`  public key  ${formatBase64(result.publicKey)}`);
  }
  return created;
}
