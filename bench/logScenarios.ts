/** Reading a long log: 200 MB in lines of 100 bytes, through a client program, every byte counted. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';

import type { Engine } from './engine.ts';
import type { Scenario } from './measure.ts';

export const logBytes = 200_000_000;
export const lineText = '0123456789'.repeat(10).slice(1);
const mostRounds = 5;

/** Paths of the client programs; the stock one where there is one. */
export interface Clients {
  readonly docker: string | undefined;
  readonly gantry: string;
}

export function clientPrograms({ docker, gantry }: Clients): (readonly [name: string, program: string])[] {
  return [...(docker === undefined ? [] : [['docker', docker] as const]), ['gantry', gantry] as const];
}

export function logScenarios(image: string, clients: Clients, rounds: number): Scenario[] {
  return clientPrograms(clients).map(([name, program]) => ({
    name: `${name} logs, 200 MB in lines of 100 bytes`,
    rounds: Math.max(1, Math.min(rounds, mostRounds)),
    before: (engine) => longLog(engine, image),
    prepare: async (engine) => forgetPeaks(engine),
    sample: (engine, id) => readLog(engine, program, id),
    after: async (engine, id) => {
      tellPeaks(engine);
      await engine.remove(id);
    },
  }));
}

/** A container that has written its log and ended. */
async function longLog(engine: Engine, image: string): Promise<string> {
  const body = {
    Image: image,
    Cmd: ['sh', '-c', `yes ${lineText} | head -c ${logBytes}`],
    HostConfig: { NetworkMode: 'none', LogConfig: { Type: 'json-file', Config: { 'max-size': '2g' } } },
  };
  const { Id } = (await engine.call('POST', '/containers/create', body)) as { Id: string };
  const exit = engine.call('POST', `/containers/${Id}/wait?condition=next-exit`);
  await engine.start(Id);
  await exit;
  return Id;
}

async function readLog(engine: Engine, program: string, id: string): Promise<void> {
  const env = { ...process.env, DOCKER_HOST: engine.host };
  const child = spawn(program, ['logs', id], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let bytes = 0;
  child.stdout.on('data', (data: Buffer) => (bytes += data.length));
  await once(child, 'close');
  if (bytes !== logBytes) throw new Error(`${engine.name}: logs gave ${bytes} bytes of ${logBytes}`);
}

/** The kernel's mark of the largest resident set begins anew (proc(5), clear_refs). */
export function forgetPeaks({ pids }: Engine): void {
  for (const pid of pids) writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

export function tellPeaks({ name, pids }: Engine): void {
  for (const pid of pids) {
    const peak = /^VmHWM:\s*(\d+ kB)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 'unknown';
    console.log(`  ${name}: process ${pid} had at most ${peak} resident`);
  }
}
