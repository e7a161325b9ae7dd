import type { Ulimit } from '../base/index.ts';

import type { HostFacts } from './specInput.ts';

/**
 * The daemon's default ulimits, no higher than the daemon may give them. Nobody asked for them by name, so a lower one is no
 * reason to refuse every container: each that is lowered is told in a warning.
 */
export function allowedUlimits(
  asked: readonly Ulimit[],
  { hardLimits, capabilities }: Pick<HostFacts, 'hardLimits' | 'capabilities'>,
): { readonly ulimits: readonly Ulimit[]; readonly warnings: readonly string[] } {
  if (capabilities.includes('CAP_SYS_RESOURCE')) return { ulimits: asked, warnings: [] };
  const warnings: string[] = [];
  const ulimits = asked.map((ulimit) => {
    const most = hardLimits[ulimit.Name] ?? Infinity;
    if (!isAbove(ulimit.Hard, most)) return ulimit;
    const lowered = { ...ulimit, Hard: most, Soft: isAbove(ulimit.Soft, most) ? most : ulimit.Soft };
    warnings.push(
      `the default ulimit ${ulimit.Name}=${ulimit.Soft}:${ulimit.Hard} is above this host's hard limit: containers get ${lowered.Soft}:${lowered.Hard}`,
    );
    return lowered;
  });
  return { ulimits, warnings };
}

/** Whether a limit, of which a negative one has no bound, is more than `most`. */
function isAbove(limit: number, most: number): boolean {
  return (limit < 0 ? Infinity : limit) > most;
}
