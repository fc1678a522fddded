/**
 * Numbers of things in words for people.
 * @module
 */

/** `1 entry`, `2 entries`; `0 passes`. @param format How the number is written. */
export function countOf(
  count: number,
  noun: string,
  format: (count: number) => string = String,
): string {
  return `${format(count)} ${pluralOf(count, noun)}`;
}

/** The noun that goes with a count: that of one, or of many. @param noun Of one. */
export function pluralOf(count: number, noun: string): string {
  if (count === 1) return noun;
  if (/[^aeiou]y$/.test(noun)) return `${noun.slice(0, -1)}ies`;
  return /(?:s|x|ch|sh)$/.test(noun) ? `${noun}es` : `${noun}s`;
}
