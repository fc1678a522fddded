/**
 * Several observers as one.
 * @module
 */
import type { Observer } from "./observer.ts";

/** Hands each event to every observer, in order. */
export function combineObservers(...observers: readonly Observer[]): Observer {
  return (event) => {
    for (const observe of observers) observe(event);
  };
}
