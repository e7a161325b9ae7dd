/**
 * Benchmarks of engines side by side, in one process and interleaved, printed as medians and ratios.
 *
 *   npm run bench -- gantry=unix:///run/gantry/gantry.sock docker=unix:///var/run/docker.sock
 *     --pid NAME=PID    a process of that engine, for the memory figures (several: several times)
 *     --rounds N        samples of the short scenarios, 12 when absent; 3 makes a quick look
 *     --only TEXT       only scenarios whose name contains the text
 *
 * Without a socket a gantryd is started for the occasion. Ratios are to the first engine. Every engine must reach
 * loopback registries by plain HTTP.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { alpineTar, pushLibrary } from '../test/fixtures/images.ts';
import { benchLarge, pushLarge } from '../test/fixtures/large.ts';
import { Gantryd, gantryProgram } from '../test/support/daemon.ts';
import { startRegistry } from '../test/support/registry.ts';
import { run } from '../test/support/run.ts';
import { Engine } from './engine.ts';
import { openFloor, type Floor } from './floor.ts';
import { floorName, measure, median, type Samples } from './measure.ts';
import { measureMemory } from './memory.ts';
import { scenarios } from './scenarios.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    pid: { type: 'string', multiple: true, default: [] },
    rounds: { type: 'string', default: '12' },
    only: { type: 'string', default: '' },
  },
});
/** An engine that has just worked is not idle yet. */
const settleMs = 15_000;
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds wants a positive number, not ${values.rounds}`);

const own = positionals.length === 0 ? await new Gantryd().start() : undefined;
const engines = own === undefined ? positionals.map(engineOf) : [new Engine('gantry', own.host, [own.pid])];
const registry = await startRegistry();
try {
  await benchmark();
} finally {
  for (const image of [smallImage(), largeImage()]) for (const engine of engines) await engine.removeImage(image);
  await registry.stop();
  await own?.destroy();
}

function engineOf(argument: string): Engine {
  const [name = '', host = ''] = argument.split(/=(.*)/s);
  if (!/^(unix|tcp):\/\//.test(host)) throw new Error(`an engine is NAME=unix://SOCKET, not ${argument}`);
  const pids = values.pid.filter((pid) => pid.startsWith(`${name}=`)).map((pid) => Number(pid.slice(name.length + 1)));
  return new Engine(name, host, pids);
}

function smallImage(): string {
  return `${registry.host}/library/alpine`;
}

function largeImage(): string {
  return `${registry.host}/bench/large`;
}

async function benchmark(): Promise<void> {
  await pushLibrary(registry.url, 'bench');
  for (const engine of engines) await engine.pull(smallImage());
  const docker = await run('sh', ['-c', 'command -v docker']);
  const clients = { docker: docker.code === 0 ? docker.stdout.trim() : undefined, gantry: gantryProgram };
  const images = { small: smallImage(), large: largeImage() };
  const floor = await readyFloor();
  const chosen = scenarios(images, clients, () => floor.run(), rounds).filter(({ name }) => name.includes(values.only));
  if (chosen.some(({ name }) => name.startsWith('pull'))) await pushLarge(registry.url, 'bench/large', benchLarge);
  printHead();
  if (values.only === '') await printMemory('at the beginning');
  try {
    for (const scenario of chosen) printRow(scenario.name, await measure(scenario, engines));
  } finally {
    floor.close();
  }
  if (values.only !== '') return;
  await sleep(settleMs);
  await printMemory('after the load');
}

async function readyFloor(): Promise<Floor> {
  const directory = mkdtempSync(path.join(tmpdir(), 'gantry-bench-'));
  try {
    const archive = path.join(directory, 'root.tar');
    writeFileSync(archive, await alpineTar());
    return await openFloor(archive);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function printMemory(when: string): Promise<void> {
  for (const engine of engines) {
    const figures = await measureMemory(engine, smallImage());
    if (figures === undefined) continue;
    const idle = megabytes(figures.idleBytes);
    const more = megabytes(figures.perContainerBytes);
    console.log(`${engine.name}: PSS ${idle} idle ${when}, ${more} more an idle container`);
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(2)} MB`;
}

function printHead(): void {
  const [first] = engines;
  const columns = engines.flatMap((engine) => (engine === first ? [engine.name] : [engine.name, `/ ${first?.name}`]));
  console.log(`${'median milliseconds'.padEnd(42)}${columns.map((column) => column.padStart(12)).join('')}`);
}

/** A row: each engine's median, and the others' ratio to the first; below it the floor, and the first's ratio to that. */
function printRow(name: string, samples: Samples): void {
  const medians = engines.map((engine) => median(samples.get(engine.name) ?? []));
  const [first = Number.NaN] = medians;
  const cells = medians.flatMap((value, index) =>
    index === 0 ? [value.toFixed(1)] : [value.toFixed(1), `${(value / first).toFixed(2)} x`],
  );
  console.log(`${name.padEnd(42)}${cells.map((cell) => cell.padStart(12)).join('')}`);
  const floor = samples.get(floorName);
  if (floor === undefined) return;
  const least = median(floor);
  const label = `  ${floorName}, the same bundle`;
  console.log(
    `${label.padEnd(42)}${least.toFixed(1).padStart(12)}  ${engines[0]?.name} is ${(first / least).toFixed(2)} x`,
  );
}
