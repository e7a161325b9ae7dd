/** What the benchmarks ask of an engine: through its API, and through a client program as a user would. */
import { request } from '../test/support/http.ts';
import { must } from '../test/support/run.ts';

/** An engine that is measured, known by its socket alone. */
export class Engine {
  readonly name: string;
  readonly host: string;
  /** Its processes, for the memory figures; empty when they were not told. */
  readonly pids: readonly number[];

  constructor(name: string, host: string, pids: readonly number[]) {
    this.name = name;
    this.host = host;
    this.pids = pids;
  }

  /** One call that must succeed; gives the answer's JSON or undefined. */
  async call(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await request(this.host, method, path, { body, timeoutMs: 300_000 });
    if (answer.status >= 400) throw new Error(`${this.name}: ${method} ${path}: ${answer.status} ${answer.text}`);
    const isJson = String(answer.headers['content-type']).startsWith('application/json');
    return isJson && answer.text.trim() !== '' && !answer.text.trim().includes('\n') ? answer.json() : undefined;
  }

  async create(image: string, command: readonly string[], network = 'bridge'): Promise<string> {
    const body = { Image: image, Cmd: command, HostConfig: { NetworkMode: network } };
    const { Id } = (await this.call('POST', '/containers/create', body)) as { Id: string };
    return Id;
  }

  async start(id: string): Promise<void> {
    await this.call('POST', `/containers/${id}/start`);
  }

  async remove(id: string): Promise<void> {
    await this.call('DELETE', `/containers/${id}?force=1`);
  }

  /** create, wait for the exit (asked before the start, as clients do), start, remove. */
  async run(image: string, command: readonly string[], network = 'bridge'): Promise<void> {
    const id = await this.create(image, command, network);
    const exit = this.call('POST', `/containers/${id}/wait?condition=next-exit`);
    await this.start(id);
    await exit;
    await this.remove(id);
  }

  /** exec create, start, and inspect for the status. */
  async exec(id: string, command: readonly string[]): Promise<void> {
    const body = { Cmd: command, AttachStdout: true, AttachStderr: true };
    const { Id } = (await this.call('POST', `/containers/${id}/exec`, body)) as { Id: string };
    await this.call('POST', `/exec/${Id}/start`, { Detach: false, Tty: false });
    await this.call('GET', `/exec/${Id}/json`);
  }

  async pull(image: string): Promise<void> {
    const path = `/images/create?fromImage=${encodeURIComponent(image)}&tag=latest`;
    const answer = await request(this.host, 'POST', path, { timeoutMs: 300_000 });
    if (answer.status !== 200 || answer.text.includes('"errorDetail"')) {
      throw new Error(`${this.name}: pull of ${image}: ${answer.status} ${answer.text.slice(-300)}`);
    }
  }

  async removeImage(image: string): Promise<void> {
    await request(this.host, 'DELETE', `/images/${image}?force=1`, { timeoutMs: 300_000 });
  }

  /** A client program's command against this engine. */
  async command(program: string, args: readonly string[]): Promise<void> {
    await must(program, args, { env: { DOCKER_HOST: this.host } });
  }

  async pidOf(id: string): Promise<number> {
    const { State } = (await this.call('GET', `/containers/${id}/json`)) as { State: { Pid: number } };
    return State.Pid;
  }
}
