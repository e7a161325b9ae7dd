import { existsSync, mkdirSync, readFileSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { GantryError } from '../base/index.ts';
import type { Logger } from '../base/index.ts';
import { runProgram } from '../linux/index.ts';
import { processText } from './exactJson.ts';
import { launch, runtimeEnv } from './launch.ts';
import type { Launched } from './launch.ts';
import { lastComplaint, refusalOf } from './refusal.ts';
import type { Refused } from './refusal.ts';
import { discardProcess, reattachProcess } from './reattach.ts';
import { RunningProcess } from './runningProcess.ts';
import { clearState, readPid, readState, statePaths } from './stateDir.ts';
import type { StatePaths } from './stateDir.ts';
import type { ExecRequest, OciRuntime, ProcessStdio, RunRequest, RuntimeProcess } from './types.ts';

export interface RuntimeOptions {
  /** As configured: `crun`, `runc`, ... */
  readonly name: string;
  /** Absolute path of the program. */
  readonly path: string;
  /** Further arguments in front of the command (`--add-runtime`'s runtimeArgs). */
  readonly args?: readonly string[];
  /** Absolute; where the runtime keeps its own state of containers. */
  readonly root: string;
  readonly logger: Logger;
  /** How long its program may take, for a start (hooks included) and for anything else; then it is killed. */
  readonly limitsMs?: { readonly start: number; readonly other: number };
}

const defaultLimitsMs = { start: 120_000, other: 30_000 };

/** A runtime with the command line of runc (crun has the same). */
export function openRuntime(options: RuntimeOptions): OciRuntime {
  return new CommandLineRuntime(options);
}

interface Start {
  readonly paths: StatePaths;
  readonly stdio: ProcessStdio;
  /** The runtime's command and its arguments. */
  readonly command: readonly string[];
  readonly refused: () => Omit<Refused, 'log' | 'runtimeName' | 'status'>;
}

class CommandLineRuntime implements OciRuntime {
  readonly name: string;
  readonly path: string;
  readonly #options: RuntimeOptions;
  readonly #limitsMs: { readonly start: number; readonly other: number };

  constructor(options: RuntimeOptions) {
    this.name = options.name;
    this.path = options.path;
    this.#options = options;
    this.#limitsMs = options.limitsMs ?? defaultLimitsMs;
  }

  async run({ id, bundleDir, stateDir, stdio }: RunRequest): Promise<RuntimeProcess> {
    const paths = prepareState(stateDir);
    return await this.#start({
      paths,
      stdio,
      command: ['run', '--bundle', bundleDir, '--pid-file', paths.pid, id],
      refused: () => ({ operation: 'run', program: programOf(join(bundleDir, 'config.json'), (spec) => spec.process) }),
    });
  }

  async exec({ containerId, stateDir, stdio, process }: ExecRequest): Promise<RuntimeProcess> {
    const paths = prepareState(stateDir);
    writeFileSync(paths.process, processText(process), { mode: 0o600 });
    return await this.#start({
      paths,
      stdio,
      command: ['exec', '--process', paths.process, '--pid-file', paths.pid, containerId],
      refused: () => ({ operation: 'exec', program: programOf(paths.process, (spec) => spec) }),
    });
  }

  async reattach(stateDir: string, stdio: ProcessStdio): Promise<RuntimeProcess | undefined> {
    return reattachProcess(statePaths(stateDir), stdio, this.#options.logger);
  }

  discard(stateDir: string): void {
    discardProcess(statePaths(stateDir));
  }

  async pause(id: string): Promise<void> {
    await this.#command('pause', id);
  }

  async resume(id: string): Promise<void> {
    await this.#command('resume', id);
  }

  async delete(id: string): Promise<void> {
    // A runtime that saw its container end has cleaned up after it; a process is started only where it has not.
    const state = join(this.#options.root, id);
    if (!existsSync(state)) return;
    try {
      await this.#command('delete', '--force', id);
    } catch (error) {
      // The runtime in the foreground sees its container killed and cleans up as well: either may come second.
      if (existsSync(state)) throw error;
    }
  }

  async version(): Promise<string> {
    const { output } = await runProgram(this.path, [this.path, '--version'], runtimeEnv);
    return output.trim();
  }

  async #start({ paths, stdio, command, refused }: Start): Promise<RuntimeProcess> {
    const started = watchFor(paths);
    try {
      const launched = launch(paths, stdio, [...this.#prefix(paths.log), ...command]);
      const ended = launched.status.code.then(() => readPid(paths.pid));
      const pid = await this.#inTime(Promise.race([started.pid, ended]));
      if (typeof pid === 'number') {
        return new RunningProcess({ pid, paths, ...launched, logger: this.#options.logger });
      }
      abandon(launched);
      if (pid === 'late') throw this.#late(command);
      throw refusalOf({
        ...refused(),
        runtimeName: this.name,
        log: readState(paths.log) ?? '',
        status: await launched.status.code,
      });
    } finally {
      started.close();
    }
  }

  async #inTime<T>(work: Promise<T>): Promise<T | 'late'> {
    const timer = new AbortController();
    try {
      const late = delay(this.#limitsMs.start, 'late' as const, { signal: timer.signal });
      return await Promise.race([work, late]);
    } finally {
      timer.abort();
    }
  }

  #late([operation = '']: readonly string[]): GantryError {
    const seconds = this.#limitsMs.start / 1000;
    return new GantryError('internal', `${this.name} ${operation} did not end within ${seconds} s and was killed`, {
      hint: 'Is the host short of something, or does one of its hooks hang?',
    });
  }

  async #command(...command: readonly string[]): Promise<void> {
    const argv = [...this.#prefix(undefined), ...command];
    const { code, output } = await runProgram(this.path, argv, runtimeEnv, { timeoutMs: this.#limitsMs.other });
    if (code === 0) return;
    throw new GantryError('internal', `${this.name} ${command.join(' ')}: ${lastComplaint(output)}`);
  }

  #prefix(log: string | undefined): string[] {
    const { path, args = [], root } = this.#options;
    return [path, ...args, '--root', root, ...(log === undefined ? [] : ['--log', log])];
  }
}

function prepareState(stateDir: string): StatePaths {
  const paths = statePaths(stateDir);
  const isNew = mkdirSync(stateDir, { recursive: true, mode: 0o700 }) !== undefined;
  if (!isNew) clearState(paths);
  return paths;
}

/** Tells when the runtime has written the pid of the process that it has made. */
function watchFor(paths: StatePaths): { readonly pid: Promise<number>; close(): void } {
  const { promise: pid, resolve } = Promise.withResolvers<number>();
  const watcher = watch(paths.dir, (_event, file) => {
    if (file !== 'pid') return;
    const value = readPid(paths.pid);
    if (value !== undefined) resolve(value);
  });
  // The status pipe still tells the end when the directory is taken away under us.
  watcher.on('error', () => watcher.close());
  return { pid, close: () => watcher.close() };
}

/** Gives up what was made for a process that did not come to be, and the runtime where it has not ended. */
function abandon({ stdin, stdout, stderr, status, wrapper }: Launched): void {
  stdin?.destroy();
  stdout.readable.destroy();
  stderr?.readable.destroy();
  status.close();
  wrapper.endWithRuntime();
}

interface ProcessSpec {
  readonly args?: readonly string[];
  readonly process?: ProcessSpec;
}

/** First word of the command that a JSON file asks for; read only to explain a refusal. */
function programOf(path: string, pick: (spec: ProcessSpec) => ProcessSpec | undefined): string {
  return pick(JSON.parse(readFileSync(path, 'utf8')) as ProcessSpec)?.args?.[0] ?? '';
}
