/** Many clients that do everything to the same few containers at once: Docker's answers, and one truth at the end. */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { suite, test } from 'node:test';

import { type Random, seededRandom } from '../support/random.ts';
import { eventually } from '../support/run.ts';
import { api, engine, library, uniqueName } from './harness.ts';

const clients = 50;
const durationMs = 4_000;

/** What each request may be answered with; a 500 only where Docker has one for a refusal by state. */
const allowed: Readonly<Record<string, readonly number[]>> = {
  create: [201, 409],
  start: [204, 304, 404, 409],
  stop: [204, 304, 404],
  restart: [204, 404, 409],
  kill: [204, 404, 409],
  pause: [204, 404, 409],
  unpause: [204, 404, 409, 500],
  rename: [204, 400, 404, 409],
  exec: [201, 404, 409],
  execStart: [200, 404, 409],
  wait: [200, 404],
  inspect: [200, 404],
  remove: [204, 404, 409],
  removeByForce: [204, 404, 409],
};
/** Docker passes a race with a container's end or removal on as a failure; it must be one of these, and nothing worse. */
const raceText =
  /marked for removal|not (running|paused|found)|(paused|stopped|deleted) (container|state)|no such (process|container|exec)|already (finished|exists|paused)|is (paused|restarting)|context canceled|ttrpc|OCI runtime|sandbox|endpoint|did not (exit|receive)|directory not empty/i;

interface Seen {
  readonly what: string;
  readonly status: number;
  readonly text: string;
}

interface Inspected {
  readonly Id: string;
  readonly Name: string;
  readonly State: { Status: string; Running: boolean; Paused: boolean; Restarting: boolean; Pid: number };
}

suite('a crowd', () => {
  test('ends in one truth, and meets no answer but those of Docker', { timeout: 60_000 }, async (t) => {
    const random = seededRandom();
    t.diagnostic(`seed ${random.seed}`);
    const crowd = new Crowd(random);
    try {
      await crowd.run();
      t.diagnostic(crowd.summary());
      assert.deepEqual(crowd.wrong(), [], `seed ${random.seed}`);
      await crowd.assertOneTruth();
    } finally {
      await crowd.clear();
    }
  });
});

class Crowd {
  readonly #random: Random;
  readonly #marker = `30000${randomInt(1000, 9999)}`;
  readonly #label = uniqueName('label');
  readonly #names = Array.from({ length: 4 }, () => uniqueName('stress'));
  readonly #seen: Seen[] = [];
  #isOver = false;

  constructor(random: Random) {
    this.#random = random;
  }

  async run(): Promise<void> {
    await Promise.all(this.#names.map((name) => this.#create(name)));
    const timer = setTimeout(() => {
      this.#isOver = true;
    }, durationMs);
    await Promise.all(Array.from({ length: clients }, () => this.#client()));
    clearTimeout(timer);
  }

  summary(): string {
    const counts = new Map<string, number>();
    for (const { what, status } of this.#seen) {
      const key = `${what} ${status}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    return Array.from(counts, ([key, count]) => `${key}: ${count}`)
      .toSorted()
      .join(', ');
  }

  wrong(): Seen[] {
    const isOfGantry = engine().gantryd !== undefined;
    return this.#seen.filter(
      ({ what, status, text }) =>
        allowed[what]?.includes(status) !== true && (isOfGantry || status !== 500 || !raceText.test(text)),
    );
  }

  /** Inspect, ps and the kernel say the same of every container. */
  async assertOneTruth(): Promise<void> {
    const listed = await eventually('the states settle', async () => {
      const one = await this.#listed();
      const other = await this.#listed();
      return JSON.stringify(one) === JSON.stringify(other) ? one : undefined;
    });
    for (const { Id, State } of listed) {
      const inspected = (await api('GET', `/containers/${Id}/json`)).json() as Inspected;
      assert.equal(inspected.State.Status, State);
      assert.ok(['created', 'running', 'paused', 'exited'].includes(State), State);
      const isAlive = State === 'running' || State === 'paused';
      assert.deepEqual([inspected.State.Running, inspected.State.Paused], [isAlive, State === 'paused']);
      assert.equal(inspected.State.Pid > 0 && existsSync(`/proc/${inspected.State.Pid}`), isAlive, `${State} ${Id}`);
      assert.ok(this.#names.includes(inspected.Name.slice(1)), inspected.Name);
    }
    const alive = listed.filter(({ State }) => State === 'running' || State === 'paused');
    await eventually(
      'no process runs but those of containers that run',
      () => this.#processes().length === alive.length,
    );
  }

  async clear(): Promise<void> {
    for (const { Id } of await this.#listed()) {
      const { status, text } = await api('DELETE', `/containers/${Id}?force=1`);
      assert.equal(status, 204, text);
    }
    assert.deepEqual(await this.#listed(), []);
    await eventually('no process is left', () => this.#processes().length === 0);
  }

  async #listed(): Promise<{ readonly Id: string; readonly State: string }[]> {
    const filters = encodeURIComponent(JSON.stringify({ label: [this.#label] }));
    const answer = (await api('GET', `/containers/json?all=1&filters=${filters}`)).json() as {
      Id: string;
      State: string;
    }[];
    return answer.map(({ Id, State }) => ({ Id, State }));
  }

  /** Pids of the containers' first processes, which have the marker as their argument. */
  #processes(): string[] {
    return readdirSync('/proc').filter((pid) => {
      if (!/^\d+$/.test(pid)) return false;
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8') === `sleep\0${this.#marker}\0`;
      } catch {
        return false; // it has ended meanwhile
      }
    });
  }

  async #client(): Promise<void> {
    while (!this.#isOver) await this.#act(this.#random.pick(this.#names));
  }

  async #act(name: string): Promise<void> {
    const path = `/containers/${name}`;
    const post = (what: string, tail: string): Promise<unknown> => this.#ask(what, 'POST', `${path}/${tail}`);
    const actions: readonly (() => Promise<unknown>)[] = [
      () => post('start', 'start'),
      () => post('start', 'start'),
      () => post('start', 'start'),
      () => post('stop', 'stop?t=0'),
      () => post('restart', 'restart?t=0'),
      () => post('kill', 'kill'),
      () => post('kill', 'kill?signal=USR1'),
      () => post('pause', 'pause'),
      () => post('unpause', 'unpause'),
      () => post('unpause', 'unpause'),
      () => post('rename', `rename?name=${this.#random.pick(this.#names)}`),
      () => this.#exec(path),
      () => post('wait', 'wait?condition=not-running'),
      () => this.#ask('inspect', 'GET', `${path}/json`),
      () => this.#ask('remove', 'DELETE', path),
      () => this.#ask('removeByForce', 'DELETE', `${path}?force=1`),
      () => this.#create(name),
      () => this.#create(name),
    ];
    await this.#random.pick(actions)();
  }

  #create(name: string): Promise<unknown> {
    const body = { Image: library('alpine'), Cmd: ['sleep', this.#marker], Labels: { [this.#label]: '' } };
    return this.#ask('create', 'POST', `/containers/create?name=${name}`, body);
  }

  async #exec(path: string): Promise<void> {
    const body = { Cmd: ['true'], AttachStdout: true };
    const { status, text } = await this.#ask('exec', 'POST', `${path}/exec`, body);
    if (status !== 201) return;
    const { Id } = JSON.parse(text) as { Id: string };
    await this.#ask('execStart', 'POST', `/exec/${Id}/start`, { Detach: true });
  }

  /** A wait may outlast the crowd, so that it is ended by the clock; nothing else may take that long. */
  async #ask(what: string, method: string, path: string, body?: unknown): Promise<Seen> {
    const isWait = what === 'wait';
    const timeoutMs = isWait ? 300 : 30_000;
    const answer = await api(method, path, { ...(body === undefined ? {} : { body }), timeoutMs }).catch(
      (error: unknown) => {
        if (isWait && /no answer within|aborted|socket hang up/.test(String(error))) return { status: 200, text: '' };
        throw error;
      },
    );
    const seen = { what, status: answer.status, text: answer.text };
    this.#seen.push(seen);
    return seen;
  }
}
