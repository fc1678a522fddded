/**
 * Google's Merge Delay Monitor Root: Chrome's log policy asks each log to accept it, and measures
 * the merge delay with certificates that chain to it. It is in no browser's store.
 * @module
 */

/** SHA-256 of its DER. */
export const MERGE_DELAY_MONITOR_ROOT: string =
  "86d8219c7e2b6009e37eb14356268489b81379e076e8f372e3dde8c162a34134";

/** What a set without it is warned about with. */
export function monitorRootWarning(shards: readonly string[]): string {
  return (
    `${shards.join(", ")}: the accepted roots lack Google's Merge Delay Monitor Root (SHA-256 ` +
    `${MERGE_DELAY_MONITOR_ROOT}), which Chrome requires: add it as a PEM file to roots`
  );
}
