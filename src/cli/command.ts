import type { FlagSet, ParsedFlags } from '../base/index.ts';
import type { Api } from '../client/index.ts';
import type { World } from './world.ts';

export const programName = 'gantry';

/** What a command gets besides its own flags and arguments. */
export interface Context {
  readonly world: World;
  readonly api: Api;
  /** As typed, such as `gantry container run`; error texts name it. */
  readonly path: string;
  readonly debug: boolean;
}

/** How many arguments a command takes. */
export interface ArgumentCount {
  readonly least: number;
  readonly most: number;
}

/** One command. Its name, its place and its summary stand in the tree, so that help needs to load none. */
export interface Command<S extends FlagSet = FlagSet> {
  /** What follows the name in the usage line. */
  readonly usage: string;
  /** A second way of calling it. */
  readonly otherUsage?: string;
  /** What help says after the summary. */
  readonly description?: string;
  readonly flags: S;
  readonly count: ArgumentCount;
  /** Flags end at the first argument: what follows belongs to the container's program. */
  readonly stopAtPositional?: boolean;
  /** Resolves with the exit status. */
  run(context: Context, input: ParsedFlags<S>): Promise<number>;
}

/** Fixes a command's flags' types; the result is handled without them. */
export function defineCommand<S extends FlagSet>(command: Command<S>): Command {
  return command;
}

export const none: ArgumentCount = { least: 0, most: 0 };

export function exactly(count: number): ArgumentCount {
  return { least: count, most: count };
}

export function atLeast(count: number): ArgumentCount {
  return { least: count, most: Number.POSITIVE_INFINITY };
}

export function atMost(count: number): ArgumentCount {
  return { least: 0, most: count };
}
