import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { containerCgroup } from './containerCgroup.ts';
import { startContainer } from './startContainer.ts';
import { killContainer, stopContainer } from './stopContainer.ts';
import { openBench, until } from './testBench.ts';

const id = 'b'.repeat(64);

for (const [name, end] of [
  ['kill', (parts) => killContainer(parts, id, undefined)],
  ['stop', (parts) => stopContainer(parts, id, { timeoutSeconds: 0, signal: undefined })],
] as const satisfies [string, (parts: ReturnType<typeof openBench>['parts']) => Promise<void>][])
  test(`a ${name} wakes a container that somebody else has frozen`, async (t) => {
    const bench = openBench();
    t.after(() => bench.remove());
    const { parts } = bench;
    const record = bench.add(id);
    await startContainer(parts, id);
    const cgroup = join(parts.cgroups.unified ?? '', containerCgroup(parts, record));
    mkdirSync(cgroup, { recursive: true });
    writeFileSync(join(cgroup, 'cgroup.freeze'), '1');
    t.mock.method(bench.runtime.latest, 'signal', () => true);
    const ended = end(parts);
    await until(() => readFileSync(join(cgroup, 'cgroup.freeze'), 'utf8') === '0');
    bench.runtime.latest.end(137);
    await ended;
  });
