import assert from 'node:assert/strict';
import { mock, test } from 'node:test';

import { createJournal, type JournalEvent, type NewEvent, type SubscribeOptions } from './index.ts';

const second = 1_000_000_000n;
const live = { sinceNs: undefined, untilNs: undefined, filters: new Map() };
const past: SubscribeOptions = { ...live, sinceNs: 0n, untilNs: 5000n * second };

function create(limits: { limit?: number; subscriberLimit?: number } = {}) {
  const time = { nowNs: 1000n * second };
  const journal = createJournal({ clock: () => time.nowNs, ...limits });
  const subscribe = (options: Partial<SubscribeOptions> = {}, signal = new AbortController().signal) =>
    journal.subscribe({ ...live, ...options }, signal);
  /** Past events, as if asked when their end had come. */
  const ask = async (options: Partial<SubscribeOptions> = {}): Promise<JournalEvent[]> => {
    const before = time.nowNs;
    time.nowNs = 9999n * second;
    const events = subscribe({ ...past, ...options });
    time.nowNs = before;
    return Array.fromAsync(events);
  };
  return { time, journal, subscribe, ask };
}

const start: NewEvent = {
  type: 'container',
  action: 'start',
  actorId: 'abc123',
  attributes: { name: 'web', image: 'alpine:3', tier: 'front' },
};

test('an event has the shape and the order of keys of the wire', async () => {
  const { journal, ask } = create();
  journal.publish(start);
  journal.publish({
    type: 'network',
    action: 'connect',
    actorId: 'net1',
    attributes: { type: 'bridge', name: 'bridge' },
  });
  journal.publish({ type: 'image', action: 'pull', actorId: 'alpine:latest', attributes: { name: 'alpine' } });
  journal.publish({ type: 'container', action: 'prune', actorId: '', attributes: { reclaimed: '7' } });
  assert.deepEqual(
    (await ask()).map((event) => JSON.stringify(event)),
    [
      '{"status":"start","id":"abc123","from":"alpine:3","Type":"container","Action":"start","Actor":{"ID":"abc123","Attributes":{"image":"alpine:3","name":"web","tier":"front"}},"scope":"local","time":1000,"timeNano":1000000000000}',
      '{"Type":"network","Action":"connect","Actor":{"ID":"net1","Attributes":{"name":"bridge","type":"bridge"}},"scope":"local","time":1000,"timeNano":1000000001000}',
      '{"status":"pull","id":"alpine:latest","Type":"image","Action":"pull","Actor":{"ID":"alpine:latest","Attributes":{"name":"alpine"}},"scope":"local","time":1000,"timeNano":1000000002000}',
      '{"status":"prune","Type":"container","Action":"prune","Actor":{"ID":"","Attributes":{"reclaimed":"7"}},"scope":"local","time":1000,"timeNano":1000000003000}',
    ],
  );
});

test('times grow strictly, are exact on the wire, and choose events', async () => {
  const { time, journal, ask } = create();
  time.nowNs = 1_795_362_530_145_321_539n;
  for (let index = 0; index < 50; index++) journal.publish({ ...start, action: `a${index}` });
  time.nowNs -= second;
  journal.publish({ ...start, action: 'after the clock was set back' });
  const untilNs = 2n * time.nowNs;
  time.nowNs = untilNs;
  assert.deepEqual(await ask({ untilNs: 0n }), []);
  const since = (sinceNs: bigint): Promise<JournalEvent[]> =>
    Array.fromAsync(journal.subscribe({ ...live, sinceNs, untilNs }, new AbortController().signal));
  const all = await since(0n);
  const texts = all.map(({ timeNano }) => BigInt(JSON.stringify(timeNano)));
  assert.equal(texts[0], 1_795_362_530_145_321_000n);
  assert.ok(texts.every((value, index) => index === 0 || value > (texts[index - 1] ?? 0n)));
  const later = await since(texts[10] ?? 0n);
  assert.equal(later[0]?.Action, 'a10', 'since is inclusive');
});

test('filters choose by every key', async () => {
  const { journal, ask } = create();
  journal.publish(start);
  journal.publish({ ...start, action: 'exec_create: sh -c date' });
  journal.publish({
    type: 'image',
    action: 'tag',
    actorId: 'sha256:1',
    attributes: { name: 'localhost:5000/alpine:3' },
  });
  journal.publish({ type: 'network', action: 'create', actorId: 'net1', attributes: { name: 'abcnet' } });
  const cases: [Record<string, string[]>, string[]][] = [
    [{ type: ['container'] }, ['start', 'exec_create: sh -c date']],
    [{ type: ['container', 'image'], event: ['start', 'tag'] }, ['start', 'tag']],
    [{ event: ['exec_create'] }, ['exec_create: sh -c date']],
    [{ event: ['exec'] }, []],
    [{ event: ['exec_create', 'sta'] }, ['start', 'exec_create: sh -c date']],
    [{ event: ['exec_create: sh -c date'] }, ['exec_create: sh -c date']],
    [{ colour: ['red'], event: ['start'] }, ['start']],
    [{ container: ['abc'], type: ['container'] }, ['start', 'exec_create: sh -c date']],
    [{ container: ['web'], event: ['start'] }, ['start']],
    [{ container: ['other'] }, []],
    [{ image: ['alpine'] }, ['start', 'exec_create: sh -c date']],
    [{ image: ['localhost:5000/alpine'] }, ['tag']],
    [{ label: ['tier=front', 'name'], event: ['start'] }, ['start']],
    [{ label: ['tier=back'] }, []],
    [{ network: ['abcnet'] }, ['create']],
    [{ network: ['web'], event: ['start'] }, ['start']],
    [{ scope: ['swarm'] }, []],
    [{ daemon: ['x'] }, []],
  ];
  for (const [filters, actions] of cases) {
    const map = new Map(Object.entries(filters).map(([key, values]) => [key, new Set(values)]));
    assert.deepEqual(
      (await ask({ filters: map })).map(({ Action }) => Action),
      actions,
      JSON.stringify(filters),
    );
  }
});

test('a subscriber gets what is published after its call, until it is told to stop', async () => {
  const { journal, subscribe } = create();
  journal.publish({ ...start, action: 'before' });
  const stop = new AbortController();
  const events = subscribe({}, stop.signal);
  journal.publish({ ...start, action: 'one' });
  const seen: string[] = [];
  for await (const { Action } of events) {
    seen.push(Action);
    if (Action === 'one') journal.publish({ ...start, action: 'two' });
    else stop.abort();
  }
  assert.deepEqual(seen, ['one', 'two']);
});

test('a subscription ends when its time comes', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const { time, journal, subscribe } = create();
    const events = Array.fromAsync(subscribe({ untilNs: time.nowNs + second }));
    journal.publish(start);
    time.nowNs += 2n * second;
    mock.timers.tick(1001);
    assert.equal((await events).length, 1);
  } finally {
    mock.timers.reset();
  }
});

test('the oldest are forgotten, and a subscriber that does not read is dropped alone', async () => {
  const { journal, subscribe, ask } = create({ limit: 10, subscriberLimit: 5 });
  const sleepy = subscribe();
  for (let index = 0; index < 100; index++) journal.publish({ ...start, action: String(index) });
  await assert.rejects(Array.fromAsync(sleepy), { kind: 'unavailable' });
  assert.deepEqual(
    (await ask()).map(({ Action }) => Action),
    ['90', '91', '92', '93', '94', '95', '96', '97', '98', '99'],
  );
});

test('the newest events outlive the daemon, in their order', async () => {
  const lines: string[] = [];
  const archive = { read: () => lines, append: (line: string) => void lines.push(line) };
  let nowNs = 1000n * second;
  const open = () => createJournal({ clock: () => nowNs, archive, limit: 3 });
  const first = open();
  for (const action of ['one', 'two', 'three', 'four']) first.publish({ ...start, action });
  // What a crash of the host left, or another program.
  lines.push('{"Type":"container"', '{"Type":"container","Action":"x"}', 'null');
  const next = open();
  next.publish({ ...start, action: 'five' });
  nowNs *= 2n;
  const events = await Array.fromAsync(next.subscribe({ ...live, untilNs: nowNs }, new AbortController().signal));
  assert.deepEqual(
    events.map(({ Action }) => Action),
    ['three', 'four', 'five'],
  );
});

test('an event that cannot be kept is announced all the same', async () => {
  const archive = {
    read: () => [],
    append: () => {
      throw new Error('no space left');
    },
  };
  const journal = createJournal({ clock: () => 0n, archive });
  const events = journal.subscribe(live, new AbortController().signal);
  journal.publish(start);
  for await (const { Action } of events) {
    assert.equal(Action, 'start');
    break;
  }
});
