import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { compileSeccomp } from '../linux/index.ts';
import { effectiveCapabilities } from './capabilities.ts';
import { specText } from './exactJson.ts';
import type { OciSeccomp, OciSpec } from './ociSpec.ts';
import { defaultSeccomp } from './seccomp.ts';
import type { HostFacts } from './specInput.ts';

const keptFilters = 16;

/** Compiled filters by their source; few differ, so a small number serves. The oldest goes first. */
const compiled = new Map<string, string | undefined>();

function compiledFilter(filter: OciSeccomp): string | undefined {
  const key = JSON.stringify(filter);
  if (!compiled.has(key)) {
    const [oldest] = compiled.keys();
    if (compiled.size >= keptFilters && oldest !== undefined) compiled.delete(oldest);
    compiled.set(key, compileSeccomp(filter)?.toString('base64'));
  }
  return compiled.get(key);
}

/** Compiles the filter that most containers have, before the first one asks for it. Takes some 15 ms, once. */
export function compileDefaultFilter({ architecture, capabilities }: HostFacts): void {
  const filter = defaultSeccomp(architecture, effectiveCapabilities({}, capabilities));
  if (filter !== undefined) compiledFilter(filter);
}

/** crun takes a compiled filter by this annotation; others ignore it and compile the one that the spec has as well. */
const compiledFilterAnnotation = 'run.oci.seccomp_bpf_data';

/**
 * Writes `spec` as the config.json of `bundleDir`, which exists, with its seccomp filter compiled ahead: for crun that
 * halves the time to start. The first use of a filter takes some 15 ms, later ones nothing.
 */
export function writeBundle(bundleDir: string, spec: OciSpec): void {
  const filter = spec.linux.seccomp === undefined ? undefined : compiledFilter(spec.linux.seccomp);
  const annotations =
    filter === undefined ? spec.annotations : { ...spec.annotations, [compiledFilterAnnotation]: filter };
  writeFileSync(join(bundleDir, 'config.json'), specText({ ...spec, annotations }), { mode: 0o600 });
}
