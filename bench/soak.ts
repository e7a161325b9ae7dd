/**
 * A soak: containers through create, start, exec, stop and remove, several at a time, against a daemon of its own, and what
 * the daemon and the machine hold before, on the way and after. The exit status is 1 when something has leaked.
 *
 *   npm run soak
 *     --count N         containers, 2,000 when absent
 *     --at-once N       how many at a time, 8 when absent
 *     --every N         containers between two lines of the report, a tenth of them when absent
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { pushLibrary } from '../test/fixtures/images.ts';
import { Gantryd } from '../test/support/daemon.ts';
import { startRegistry } from '../test/support/registry.ts';
import { Engine } from './engine.ts';
import { type Holdings, holdingsOf, leaks } from './holdings.ts';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '2000' },
    'at-once': { type: 'string', default: '8' },
    every: { type: 'string', default: '' },
  },
});
const count = positive('--count', values.count);
const atOnce = positive('--at-once', values['at-once']);
const every = values.every === '' ? Math.max(1, Math.ceil(count / 10)) : positive('--every', values.every);

/** What a daemon that has just worked gives back by itself: threads, spare sandboxes, garbage. */
const settleMs = 11_000;

const registry = await startRegistry();
const gantryd = await new Gantryd({ mirror: registry.url }).start();
const engine = new Engine('gantry', gantryd.host, [gantryd.pid]);
try {
  await pushLibrary(registry.url, 'soak');
  await engine.pull('alpine');
  process.exitCode = await soak();
} finally {
  const left = await gantryd.destroy();
  await registry.stop();
  for (const trace of left) console.log(`left behind by the daemon's end: ${trace}`);
  if (left.length > 0) process.exitCode = 1;
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${name} wants a positive number, not ${text}`);
  return value;
}

/** Gives the exit status. */
async function soak(): Promise<number> {
  const begun = performance.now();
  await lives(Math.min(count, atOnce * 2));
  await sleep(settleMs);
  const before = await report('before', 0);
  const settled: Holdings[] = [];
  for (let done = 0; done < count; done += every) {
    await lives(Math.min(every, count - done));
    await sleep(settleMs);
    settled.push(await report('', Math.min(count, done + every)));
  }
  await sleep(settleMs);
  const after = await report('after', count);
  const found = leaks({ before, settled, after, count });
  for (const leak of found) console.log(`LEAK ${leak}`);
  const seconds = (performance.now() - begun) / 1000;
  console.log(`${count} containers, ${atOnce} at a time, in ${seconds.toFixed(0)} s: ${found.length} leaks`);
  return found.length === 0 ? 0 : 1;
}

/** Takes `number` containers through their lives, `atOnce` at a time. */
async function lives(number: number): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < number) {
      next += 1;
      await life();
    }
  };
  await Promise.all(Array.from({ length: Math.min(number, atOnce) }, lane));
}

async function life(): Promise<void> {
  const script = 'trap "exit 0" TERM; echo ready > /ready; while :; do sleep 0.1; done';
  const id = await engine.create('alpine', ['sh', '-c', script]);
  await engine.start(id);
  await engine.exec(id, ['cat', '/etc/hostname']);
  await engine.call('POST', `/containers/${id}/stop?t=1`);
  await engine.call('DELETE', `/containers/${id}`);
}

async function report(label: string, done: number): Promise<Holdings> {
  const holdings = await holdingsOf(gantryd);
  const { pssBytes, rssBytes, ...counts } = holdings;
  const memory = `RSS ${megabytes(rssBytes)}, PSS ${megabytes(pssBytes)}`;
  const rest = Object.entries(counts).map(([name, value]) => `${name} ${value}`);
  console.log(`${(label || `${done}`).padEnd(8)} ${[memory, ...rest].join(', ')}`);
  return holdings;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
