/** A gantryd of the test's own: roots, socket, bridge and cgroup that nobody else has, so that several run side by side. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { request } from './http.ts';
import { cgroupParents, linkTraces, ruleTraces, tableTraces, traces } from './leaks.ts';
import { eventually, must, run } from './run.ts';

export const repository = path.resolve(import.meta.dirname, '../..');

export interface GantrydOptions {
  /** URL of a registry that stands in for Docker Hub. */
  readonly mirror?: string;
  /** Kept roots of a daemon that an earlier process started; a fresh temporary directory when absent. */
  readonly directory?: string;
  readonly bridge?: string;
  readonly bip?: string;
  /** Lets the daemon live on after this process. */
  readonly detached?: boolean;
  readonly extraArguments?: readonly string[];
}

export class Gantryd {
  readonly directory: string;
  readonly bridge: string;
  readonly bip: string;
  readonly cgroupParent: string;
  readonly #options: GantrydOptions;
  #child: ChildProcess | undefined;

  constructor(options: GantrydOptions = {}) {
    const suffix = randomBytes(3).toString('hex');
    this.#options = options;
    this.directory = options.directory ?? mkdtempSync(path.join(tmpdir(), 'gantryd-'));
    this.bridge = options.bridge ?? `gt-${suffix}`;
    this.bip = options.bip ?? `10.214.${randomBytes(1)[0]}.1/24`;
    this.cgroupParent = `/${path.basename(this.directory)}`;
  }

  get socket(): string {
    return path.join(this.directory, 'gantry.sock');
  }

  get host(): string {
    return `unix://${this.socket}`;
  }

  get gateway(): string {
    return this.bip.split('/')[0] ?? '';
  }

  get pid(): number {
    return this.#child?.pid ?? -1;
  }

  get log(): string {
    const file = path.join(this.directory, 'gantryd.log');
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  }

  /** Starts it and waits until it answers; on the same roots as before when it ran before. */
  async start(): Promise<this> {
    mkdirSync(this.directory, { recursive: true });
    const output = openSync(path.join(this.directory, 'gantryd.log'), 'a');
    const env = { ...process.env };
    delete env['NODE_EXTRA_CA_CERTS'];
    delete env['NODE_TEST_CONTEXT'];
    const child = spawn(path.join(repository, 'bin/gantryd'), this.#arguments(), {
      stdio: ['ignore', output, output],
      detached: this.#options.detached ?? false,
      env,
    });
    this.#child = child;
    if (this.#options.detached) child.unref();
    await eventually('gantryd answers', async () => {
      if (child.exitCode !== null) throw new Error(`gantryd ended with ${child.exitCode}:\n${this.log}`);
      return this.answers();
    });
    return this;
  }

  async answers(): Promise<boolean> {
    try {
      return (await request(this.host, 'GET', '/_ping')).status === 200;
    } catch {
      return false;
    }
  }

  /** Ends it and waits for its end. SIGTERM lets it shut down (containers go on); SIGKILL is a crash. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  /** Stops it, says what it left behind that should not be there, and then removes all of it. */
  async destroy(): Promise<string[]> {
    await this.end('SIGTERM');
    const left = await traces(this);
    await this.#sweep();
    return left;
  }

  async #sweep(): Promise<void> {
    const script = `grep -o '${this.directory}[^ ]*' /proc/self/mountinfo | sort -ru | while read -r mount; do umount -l "$mount"; done`;
    await run('sh', ['-c', script]);
    for (const link of await linkTraces(this)) await run('ip', ['link', 'delete', link]);
    for (const [family, table] of await tableTraces(this)) await run('nft', ['delete', 'table', family, table]);
    for (const cgroup of cgroupParents(this)) await run('rmdir', [cgroup]);
    for (const rule of await ruleTraces(this)) await run('iptables', ['-D', ...rule.split(' ').slice(1)]);
    rmSync(this.directory, { recursive: true, force: true });
  }

  #arguments(): string[] {
    const { directory, bridge, bip, cgroupParent } = this;
    const roots = ['--data-root', path.join(directory, 'data'), '--exec-root', path.join(directory, 'exec')];
    const ends = ['--pidfile', path.join(directory, 'gantryd.pid'), '--host', this.host];
    const network = ['--bridge', bridge, '--bip', bip, '--cgroup-parent', cgroupParent];
    const mirror = this.#options.mirror === undefined ? [] : ['--registry-mirror', this.#options.mirror];
    return [...roots, ...ends, ...network, ...mirror, ...(this.#options.extraArguments ?? [])];
  }
}

/** The `gantry` program of this checkout. */
export const gantryProgram = path.join(repository, 'bin/gantry');

/** The stock docker CLI when this machine has it, else gantry. */
export async function clientProgram(): Promise<string> {
  const found = await run('sh', ['-c', 'command -v docker']);
  return found.code === 0 ? found.stdout.trim() : gantryProgram;
}

/** PSS of a process in bytes, as the kernel counts it. */
export async function pssBytes(pid: number): Promise<number> {
  const rollup = await must('cat', [`/proc/${pid}/smaps_rollup`]);
  return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0) * 1024;
}
