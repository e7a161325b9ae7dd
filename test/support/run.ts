/** Child processes for tests and scripts: run to the end, or started and watched. Every one is bounded in time. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** The process is killed after this and the run fails; 60 seconds when absent. */
  readonly timeoutMs?: number;
}

export interface RunResult {
  readonly command: string;
  /** Exit status, or 128 + signal as a shell counts. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const signalNumbers: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGKILL: 9, SIGTERM: 15 };

/** A process that goes on while the test does other things. */
export class RunningProcess {
  readonly command: string;
  readonly pid: number;
  readonly stdin: Writable;
  readonly ended: Promise<RunResult>;
  #child: ChildProcessByStdio<Writable, Readable, Readable>;
  #stdout = '';
  #stderr = '';
  #watchers = new Set<() => void>();
  #over = false;

  constructor(command: string, args: readonly string[], options: RunOptions = {}) {
    this.command = [command, ...args].join(' ');
    const env = cleanEnvironment(options.env);
    this.#child = spawn(command, args, { cwd: options.cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
    this.stdin = this.#child.stdin;
    this.stdin.on('error', () => {});
    this.pid = this.#child.pid ?? -1;
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => this.#heard('stdout', text));
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => this.#heard('stderr', text));
    this.ended = this.#end(options.timeoutMs ?? 60_000);
    // a test that does not wait for the end must not fail by an unhandled rejection
    this.ended.catch(() => {});
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Waits until the output so far fulfils the condition; fails when the process ends or time passes first. */
  async until(condition: (output: { stdout: string; stderr: string }) => boolean, timeoutMs = 20_000): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (!condition({ stdout: this.#stdout, stderr: this.#stderr })) {
      const left = deadline - Date.now();
      if (this.#over || left <= 0) {
        const why = this.#over ? 'the process ended' : `${timeoutMs} ms passed`;
        throw new Error(`${why} before the awaited output of: ${this.command}\n${this.#stdout}${this.#stderr}`);
      }
      await this.#change(left);
    }
  }

  #heard(stream: 'stdout' | 'stderr', text: string): void {
    if (stream === 'stdout') this.#stdout += text;
    else this.#stderr += text;
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#watchers) wake();
    this.#watchers.clear();
  }

  #change(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#watchers.add(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #end(timeoutMs: number): Promise<RunResult> {
    return new Promise((resolve, reject) => {
      let timedOut = false;
      const timer = setTimeout(() => {
        timedOut = true;
        this.#child.kill('SIGKILL');
      }, timeoutMs);
      this.#child.on('error', (error) => {
        clearTimeout(timer);
        this.#over = true;
        this.#wake();
        reject(error);
      });
      this.#child.on('close', (code, signal) => {
        clearTimeout(timer);
        this.#over = true;
        this.#wake();
        if (timedOut) {
          reject(new Error(`still running after ${timeoutMs} ms: ${this.command}\n${this.#stdout}${this.#stderr}`));
          return;
        }
        const status = code ?? 128 + (signalNumbers[signal ?? ''] ?? 0);
        resolve({ command: this.command, code: status, stdout: this.#stdout, stderr: this.#stderr });
      });
    });
  }
}

/** Runs to the end and gives status and output, whatever they are. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const child = new RunningProcess(command, args, options);
  child.stdin.end(options.input ?? '');
  return child.ended;
}

/** Runs to the end and gives stdout; a status other than 0 fails with all that was said. */
export async function must(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const result = await run(command, args, options);
  if (result.code !== 0) throw new Error(describe(result));
  return result.stdout;
}

export function describe(result: RunResult): string {
  return `exit ${result.code} of: ${result.command}\nstdout: ${result.stdout}\nstderr: ${result.stderr}`;
}

/** Asks again and again until the answer is something; fails with `what` when time passes. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 15_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function cleanEnvironment(changes: RunOptions['env']): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env, ...changes };
  // read by every Node process at its start, which costs 70 ms; nothing here speaks TLS
  delete env['NODE_EXTRA_CA_CERTS'];
  delete env['NODE_TEST_CONTEXT'];
  return env;
}
