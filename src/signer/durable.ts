/**
 * Flushing of folders: a file that was flushed is still lost if a folder on the way to it was
 * made and never flushed itself.
 * @module
 */
import { open } from "node:fs/promises";
import { dirname } from "node:path";

/** fsync of a folder: its names are durable. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/**
 * fsync of a folder and of every one above it: who made them, and whether that process lived
 * long enough to flush them, cannot be known. One that may not be opened is not ours.
 *
 * @param path Absolute.
 */
export async function syncFolders(path: string): Promise<void> {
  await syncFolder(path);
  for (let above = dirname(path); ; above = dirname(above)) {
    try {
      await syncFolder(above);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "EACCES" && code !== "EPERM") throw error;
    }
    if (above === dirname(above)) return;
  }
}
