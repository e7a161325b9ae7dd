/** A daemon that is killed at any moment loses nothing that it has acknowledged, and leaves nothing that the next does not clear. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import { Gantryd } from '../../support/daemon.ts';
import { type Answer, request } from '../../support/http.ts';
import { type Random, seededRandom } from '../../support/random.ts';
import { eventually, must } from '../../support/run.ts';
import { engine } from '../harness.ts';

const slots = 5;
const rounds = 7;
const longestRoundMs = 900;

/** What a container is known to be; `gone` when there is none of its name. */
type Known = 'gone' | 'created' | 'running' | 'paused' | 'exited';

interface Action {
  readonly from: readonly Known[];
  /** What it is when the daemon has acknowledged it. */
  readonly to: Known;
  /** What it may be as well when the daemon died on the way. */
  readonly between?: readonly Known[];
  readonly ask: (daemon: Gantryd, name: string) => Promise<Answer>;
}

const post =
  (tail: string) =>
  (daemon: Gantryd, name: string): Promise<Answer> =>
    request(daemon.host, 'POST', `/containers/${name}/${tail}`);

const actions: readonly Action[] = [
  {
    from: ['gone'],
    to: 'created',
    ask: (daemon, name) =>
      request(daemon.host, 'POST', `/containers/create?name=${name}`, {
        body: { Image: 'alpine', Cmd: ['sleep', '54321'] },
      }),
  },
  { from: ['created', 'exited'], to: 'running', ask: post('start') },
  { from: ['running', 'paused'], to: 'exited', between: ['running'], ask: post('stop?t=0') },
  { from: ['running', 'paused'], to: 'exited', between: ['running'], ask: post('kill') },
  { from: ['running'], to: 'running', between: ['exited'], ask: post('restart?t=0') },
  { from: ['running'], to: 'paused', ask: post('pause') },
  { from: ['paused'], to: 'running', ask: post('unpause') },
  {
    from: ['created', 'exited'],
    to: 'gone',
    ask: (daemon, name) => request(daemon.host, 'DELETE', `/containers/${name}`),
  },
  {
    from: ['running', 'paused', 'exited'],
    to: 'gone',
    between: ['exited', 'running'],
    ask: (daemon, name) => request(daemon.host, 'DELETE', `/containers/${name}?force=1`),
  },
];

/** One container that is driven through its life, and what may be true of it. */
class Slot {
  readonly name: string;
  #known: readonly Known[] = ['gone'];

  constructor(index: number) {
    this.name = `crash-${index}`;
  }

  /** Acts until the daemon dies. */
  async drive(daemon: Gantryd, random: Random, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const [current = 'gone'] = this.#known;
      const action = random.pick(actions.filter(({ from }) => from.includes(current)));
      this.#known = [current, action.to, ...(action.between ?? [])];
      const answer = await action.ask(daemon, this.name).catch(() => undefined);
      // the daemon is dead, and it may be any of these
      if (answer === undefined) return;
      assert.ok(answer.status < 300, `${current} to ${action.to}: ${answer.status} ${answer.text}`);
      this.#known = [action.to];
    }
  }

  /** Holds what the new daemon says against what the last one had acknowledged, and takes it from there. */
  async check(daemon: Gantryd): Promise<void> {
    const answer = await request(daemon.host, 'GET', `/containers/${this.name}/json`);
    const { State } = answer.status === 404 ? { State: undefined } : (answer.json() as Inspected);
    const found = (State?.Status ?? 'gone') as Known;
    assert.ok(this.#known.includes(found), `${this.name} is ${found}, and was ${this.#known.join(' or ')}`);
    if (State !== undefined && State.Pid > 0)
      assert.ok(existsSync(`/proc/${State.Pid}`), `${this.name} runs without a process`);
    this.#known = [found];
  }

  async remove(daemon: Gantryd): Promise<void> {
    const { status } = await request(daemon.host, 'DELETE', `/containers/${this.name}?force=1`);
    assert.ok(status === 204 || status === 404);
  }
}

interface Inspected {
  readonly State: { readonly Status: string; readonly Pid: number };
}

suite('a daemon that is killed', () => {
  let daemon: Gantryd;

  before(async () => {
    daemon = await new Gantryd({ mirror: engine().registry.url }).start();
    await must(engine().client, ['pull', '-q', 'alpine'], { env: { DOCKER_HOST: daemon.host } });
  });

  after(async () => assert.deepEqual(await daemon.destroy(), []));

  test('keeps every promise, whenever that is', { timeout: 90_000 }, async (t) => {
    const random = seededRandom();
    t.diagnostic(`seed ${random.seed}`);
    const all = Array.from({ length: slots }, (_, index) => new Slot(index));
    for (let round = 0; round < rounds; round++) {
      const death = new AbortController();
      const driven = Promise.allSettled(all.map((slot) => slot.drive(daemon, random, death.signal)));
      await delay(random.below(longestRoundMs));
      await daemon.end('SIGKILL');
      death.abort();
      const failures = (await driven).flatMap((drive) =>
        drive.status === 'rejected' ? [drive.reason as unknown] : [],
      );
      assert.deepEqual(failures, [], `seed ${random.seed}`);
      await daemon.start();
      for (const slot of all) await slot.check(daemon);
      assert.deepEqual(await unexplained(), [], `seed ${random.seed}`);
    }
    for (const slot of all) await slot.remove(daemon);
    await eventually('nothing is left', async () => (await left()).length === 0);
  });

  /** Containers' remains that belong to none: processes, cgroups and mounts of what does not run. */
  async function unexplained(): Promise<string[]> {
    const listed = (await request(daemon.host, 'GET', '/containers/json')).json() as { Id: string }[];
    const running = new Set(listed.map(({ Id }) => Id));
    const mounted = await mounts();
    return [...mounted, ...directories('exec/containers')].filter((name) => !running.has(name));
  }

  async function left(): Promise<string[]> {
    return [...(await mounts()), ...directories('exec/containers'), ...directories('data/containers')];
  }

  /** Ids of the containers whose root is mounted. */
  async function mounts(): Promise<string[]> {
    const lines = (await must('cat', ['/proc/self/mountinfo'])).split('\n');
    const roots = lines.map((line) => line.split(' ')[4] ?? '').filter((place) => place.startsWith(daemon.directory));
    return roots.flatMap((place) => /\/containers\/([0-9a-f]{64})\/rootfs$/.exec(place)?.[1] ?? []);
  }

  function directories(below: string): string[] {
    return readdirSync(path.join(daemon.directory, below));
  }
});
