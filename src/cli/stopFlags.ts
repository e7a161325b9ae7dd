import { integerFlag, textFlag, type FlagSet, type FlagValues, type ParsedFlags } from '../base/index.ts';
import { stopContainer } from '../client/index.ts';
import type { Context } from './command.ts';
import { ExitError } from './errors.ts';
import { forEachTarget } from './targets.ts';

/** The flags of `stop` and `restart`. */
export const stopFlags = {
  signal: textFlag('Signal to send to the container', { short: 's' }),
  timeout: integerFlag('Seconds to wait before killing the container', { short: 't' }),
  time: integerFlag('Seconds to wait before killing the container', {
    hidden: true,
    deprecated: 'use --timeout instead',
  }),
} satisfies FlagSet;

/** Stops or restarts every container named. */
export function stopEach(
  context: Context,
  verb: 'stop' | 'restart',
  { values, changed, positionals }: ParsedFlags<typeof stopFlags>,
): Promise<number> {
  if (changed.has('time') && changed.has('timeout')) {
    throw new ExitError(1, 'conflicting options: cannot specify both --timeout and --time');
  }
  const options = { timeoutSeconds: secondsOf(values, changed), signal: values.signal };
  return forEachTarget(context, positionals, (ref) => stopContainer(context.api, ref, verb, options));
}

function secondsOf(values: FlagValues<typeof stopFlags>, changed: ReadonlySet<string>): number | undefined {
  if (changed.has('timeout')) return values.timeout;
  return changed.has('time') ? values.time : undefined;
}
