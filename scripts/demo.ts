/**
 * `npm run demo`: a gantryd on a private socket and data root, and `gantry run alpine ls` in it, step by step. The daemon
 * stays up for playing; `npm run demo -- stop` ends it and removes all that it made.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { spawnSync } from 'node:child_process';

import { pushLibrary } from '../test/fixtures/images.ts';
import { Gantryd, gantryProgram } from '../test/support/daemon.ts';
import { startRegistry } from '../test/support/registry.ts';
import { eventually } from '../test/support/run.ts';

const directory = '/tmp/gantry-demo';
const stateFile = path.join(directory, 'demo.json');
const hub = 'https://registry-1.docker.io/v2/';

/** What a later `stop` has to know. */
interface DemoState {
  readonly daemonPid?: number;
  readonly registryPid?: number | undefined;
}

const [verb, ...rest] = process.argv.slice(2);
if (rest.length > 0 || (verb !== undefined && verb !== 'stop')) throw new Error('usage: npm run demo [-- stop]');
if (process.getuid?.() !== 0) throw new Error('the demo needs root: namespaces, mounts and a bridge are made');
if (verb === 'stop') await stop();
else await demo();

async function demo(): Promise<void> {
  if (existsSync(stateFile)) {
    say('An earlier demo is still there; ending it first.');
    await stop();
  }
  mkdirSync(directory, { recursive: true });
  remember({});
  const registry = await chooseRegistry();
  remember({ registryPid: registry?.pid });
  if (registry !== undefined) await pushLibrary(registry.url);
  say('Starting gantryd on a private socket and data root.');
  const gantryd = await newGantryd(registry?.url).start();
  remember({ daemonPid: gantryd.pid, registryPid: registry?.pid });
  const begun = Math.floor(Date.now() / 1000);
  show('run', 'No image is in the store yet: it is pulled, a container is made of it, and its output shown.', [
    'run',
    'alpine',
    'ls',
  ]);
  const window = ['--since', `${begun}`, '--until', `${Math.floor(Date.now() / 1000) + 1}`];
  show('events', 'What the daemon did for that:', ['events', ...window, '--format', '{{.Type}} {{.Action}}']);
  show('ps', 'The container has ended; what is left of it:', ['ps', '-a']);
  farewell(gantryd);
}

/** Written at every step, so that `stop` finds what an interrupted demo had started. */
function remember(state: DemoState): void {
  writeFileSync(stateFile, JSON.stringify(state));
}

function newGantryd(mirror?: string): Gantryd {
  return new Gantryd({ directory, bridge: 'gantry-demo0', bip: '10.213.0.1/24', detached: true, mirror });
}

/** Nothing when Docker Hub answers; else a registry on loopback that stands in for it. */
async function chooseRegistry(): Promise<{ url: string; pid: number } | undefined> {
  if (await reachable(hub)) {
    say('Docker Hub can be reached: images come from there.');
    return undefined;
  }
  say('Docker Hub cannot be reached from here.');
  say("Instead, Debian's docker-registry is started on loopback, filled with small images made from Debian packages,");
  say('and used as the mirror of Docker Hub.');
  const registryDirectory = path.join(directory, 'registry');
  mkdirSync(registryDirectory, { recursive: true });
  return startRegistry({ directory: registryDirectory, detached: true });
}

/** The registry itself answers 401 and names the scheme; some other 4xx is a proxy's. */
async function reachable(url: string): Promise<boolean> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(4000) });
    return answer.ok || answer.headers.has('www-authenticate');
  } catch {
    return false;
  }
}

/** Runs a gantry command as a user would see it, and says with what status it ended. */
function show(title: string, explanation: string, args: readonly string[]): void {
  say(`\n--- ${title}: ${explanation}`);
  say(`$ gantry ${args.join(' ')}`);
  const env = { ...process.env, DOCKER_HOST: host() };
  const { status, error } = spawnSync(gantryProgram, args, { stdio: 'inherit', env });
  say(`(exit status ${status ?? error?.message})`);
  if (status !== 0) process.exitCode = 1;
}

function host(): string {
  return `unix://${path.join(directory, 'gantry.sock')}`;
}

function farewell(gantryd: Gantryd): void {
  say(`
The daemon stays up (pid ${gantryd.pid}, log ${path.join(directory, 'gantryd.log')}). Talk to it with

  export DOCKER_HOST=${host()}
  ${gantryProgram} run --rm -it alpine
  docker run --rm alpine echo 'the stock docker CLI works too'

and end it, with everything that it made, with

  npm run demo -- stop`);
}

async function stop(): Promise<void> {
  if (!existsSync(stateFile)) {
    say('No demo is running.');
    return;
  }
  const state = JSON.parse(readFileSync(stateFile, 'utf8')) as DemoState;
  if (state.daemonPid !== undefined && isOurs(state.daemonPid)) await removeContainers();
  await end(state.daemonPid);
  await end(state.registryPid);
  const left = await newGantryd().destroy();
  for (const trace of left) say(`was left behind and is removed: ${trace}`);
  rmSync(directory, { recursive: true, force: true });
  say('The demo has ended; nothing of it is left.');
}

/** Containers outlive their daemon, so they go first. */
async function removeContainers(): Promise<void> {
  const env = { ...process.env, DOCKER_HOST: host() };
  const ids = spawnSync(gantryProgram, ['ps', '-aq'], { encoding: 'utf8', env }).stdout.split('\n').filter(Boolean);
  if (ids.length > 0) spawnSync(gantryProgram, ['rm', '-fv', ...ids], { stdio: 'ignore', env });
}

async function end(pid: number | undefined): Promise<void> {
  if (pid === undefined || !isOurs(pid)) return;
  process.kill(pid, 'SIGTERM');
  await eventually(`process ${pid} has ended`, () => !isOurs(pid), 30_000);
}

/** Whether the process is there and is the demo's, not another that has got its number. */
function isOurs(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${directory}/`);
  } catch {
    return false;
  }
}

function say(text: string): void {
  console.log(text);
}
