/**
 * What may differ from the file without editing it: four settings, by flag or environment.
 * @module
 */

/** One value from outside the file. */
export interface Override {
  readonly value: string;
  /** What the person wrote: `--data` or `STRATUS_DATA`. Errors begin with it. */
  readonly source: string;
}

/** Values that replace those of the file. Paths are relative to the working folder. */
export interface Overrides {
  readonly data?: Override | undefined;
  readonly listen?: Override | undefined;
  readonly operations?: Override | undefined;
}

/** The four settings as flags have them. */
export interface OverrideFlags {
  readonly config?: string | undefined;
  readonly data?: string | undefined;
  readonly listen?: string | undefined;
  readonly operations?: string | undefined;
}

/**
 * Flags win over `STRATUS_CONFIG`, `STRATUS_DATA`, `STRATUS_LISTEN`, `STRATUS_OPERATIONS`.
 * An empty variable counts as absent, an empty flag does not.
 */
export function chooseOverrides(
  flags: OverrideFlags,
  environment: Readonly<Record<string, string | undefined>>,
): { readonly config: Override | undefined; readonly overrides: Overrides } {
  const choose = (name: keyof OverrideFlags): Override | undefined => {
    const flag = flags[name];
    if (flag !== undefined) return { value: flag, source: `--${name}` };
    const variable = `STRATUS_${name.toUpperCase()}`;
    const value = environment[variable];
    return value === undefined || value === "" ? undefined : { value, source: variable };
  };
  return {
    config: choose("config"),
    overrides: {
      data: choose("data"),
      listen: choose("listen"),
      operations: choose("operations"),
    },
  };
}
