/**
 * Permissions of what must be kept from others: one rule and one set of words for every
 * command.
 * @module
 */

/**
 * What is wrong with the permissions of a private key's file; undefined if nothing is. A group
 * may read it, so that root can own the key of a log that runs as somebody else.
 * @param mode As `stat` gives it.
 */
export function problemOfKeyMode(path: string, mode: number): string | undefined {
  if ((mode & 0o027) === 0) return undefined;
  return `the key at ${path} is open to others (mode ${octal(mode)}); run: chmod 600 ${path}`;
}

/**
 * What is wrong with the permissions of a folder with a log's data; undefined if nothing is.
 * @param mode As `stat` gives it.
 */
export function problemOfFolderMode(path: string, mode: number): string | undefined {
  if ((mode & 0o027) === 0) return undefined;
  return `the folder ${path} is open to others (mode ${octal(mode)}); run: chmod 700 ${path}`;
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8);
}
