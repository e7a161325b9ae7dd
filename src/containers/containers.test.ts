import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { array, assert as assertProperty, constantFrom, property } from 'fast-check';

import { isKind } from '../base/index.ts';
import { digestOf } from '../oci/index.ts';

import {
  Containers,
  createdState,
  dead,
  exited,
  isAlive,
  paused,
  refused,
  removing,
  restartCancelled,
  restarting,
  started,
  stoppedOnPurpose,
  unpaused,
  Waiters,
} from './index.ts';
import type { ContainerRecord, ContainerState, ContainerStatus, WaitResult } from './index.ts';

class MemoryRecords extends Map<string, ContainerRecord> {
  isFull = false;

  put(id: string, record: ContainerRecord): void {
    if (this.isFull) throw new Error('disk is full');
    this.set(id, record);
  }

  deleteLater(id: string): void {
    this.delete(id);
  }
}

const idOf = (start: string): string => start.padEnd(64, '0');
const recordOf = (id: string, name: string): ContainerRecord => ({
  id,
  name,
  createdAt: '2025-01-01T00:00:00Z',
  imageId: digestOf('image'),
  parentSnapshot: undefined,
  config: {},
  hostConfig: {},
  path: '/bin/true',
  args: [],
  state: createdState,
  restartCount: 0,
  macAddress: undefined,
});

const result = (exitCode: number): WaitResult => ({ exitCode, error: '' });

describe('the table of containers', () => {
  it('finds by id, then by name, then by prefix', () => {
    const containers = new Containers(new MemoryRecords());
    const [one, two] = [idOf('abc'), idOf('abd')];
    containers.add(recordOf(one, 'web'));
    containers.add(recordOf(two, 'abc'));
    assert.equal(containers.find(one).id, one);
    assert.equal(containers.find('abc').id, two, 'a name goes before a prefix');
    assert.equal(containers.find('/web').id, one);
    assert.equal(containers.find('abd').id, two);
    assert.throws(
      () => containers.find('ab'),
      (error) => isKind(error, 'invalid'),
    );
    assert.throws(() => containers.find('nope'), /^GantryError: No such container: nope$/);
  });

  it('keeps names unique, through renames, removals and a restart', () => {
    const records = new MemoryRecords();
    const containers = new Containers(records);
    const [one, two] = [idOf('1'), idOf('2')];
    containers.add(recordOf(one, 'web'));
    assert.throws(
      () => containers.add(recordOf(two, 'web')),
      (error) => isKind(error, 'conflict'),
    );
    assert.equal(containers.get(two), undefined);
    containers.update(one, (record) => ({ ...record, name: 'old' }));
    containers.add(recordOf(two, 'web'));
    assert.throws(
      () => containers.update(one, (record) => ({ ...record, name: 'web' })),
      (error) => isKind(error, 'conflict'),
    );
    assert.equal(containers.find('old').id, one);
    containers.update(two, (record) => ({ ...record, state: removing(record.state) }));
    containers.delete(two);
    assert.equal(containers.isNameTaken('web'), false);
    assert.equal(new Containers(records).find('old').id, one);
  });

  it('leaves the names as they were where a change cannot be kept', () => {
    const records = new MemoryRecords();
    const containers = new Containers(records);
    const one = idOf('1');
    containers.add(recordOf(one, 'web'));
    records.isFull = true;
    assert.throws(() => containers.add(recordOf(idOf('2'), 'db')), /disk is full/);
    assert.throws(() => containers.update(one, (record) => ({ ...record, name: 'old' })), /disk is full/);
    assert.equal(containers.find('web').id, one);
    assert.deepEqual([containers.isNameTaken('db'), containers.isNameTaken('old')], [false, false]);
  });
});

describe('the states of a container', () => {
  const running = started(createdState, 42, '2025-01-01T00:00:00Z');

  it('go from created over running to exited', () => {
    assert.equal(isAlive(createdState), false);
    assert.equal(isAlive(running), true);
    assert.equal(isAlive(paused(running)), true);
    const over = exited(running, { exitCode: 137, oomKilled: true }, '2025-01-01T00:00:01Z');
    assert.deepEqual([over.status, over.pid, over.exitCode, over.oomKilled], ['exited', 0, 137, true]);
  });

  it('forget at a start what the last run left', () => {
    const stopped = { ...exited(running, { exitCode: 1, oomKilled: true }, ''), manuallyStopped: true, error: 'x' };
    const { exitCode, oomKilled, manuallyStopped, error } = started(stopped, 43, '');
    assert.deepEqual([exitCode, oomKilled, manuallyStopped, error], [0, false, false, '']);
  });

  it('stay created when the first start is refused', () => {
    assert.equal(refused(createdState, 127, 'no').status, 'created');
    assert.equal(refused(exited(running, { exitCode: 0, oomKilled: false }, ''), 127, 'no').status, 'exited');
  });
});

const at = '2025-01-01T00:00:00Z';
const exit = { exitCode: 1, oomKilled: false };
/** Every change of a state that the engine makes, and from which statuses it may make it. */
const changes: Readonly<Record<string, readonly [(state: ContainerState) => ContainerState, ContainerStatus[]]>> = {
  started: [(state) => started(state, 42, at), ['created', 'exited', 'restarting']],
  exited: [(state) => exited(state, exit, at), ['running', 'paused']],
  restarting: [(state) => restarting(state, exit, at), ['running', 'paused']],
  refused: [(state) => refused(state, 127, 'no'), ['created', 'exited', 'restarting', 'running', 'paused']],
  restartCancelled: [restartCancelled, ['restarting']],
  paused: [paused, ['running']],
  unpaused: [unpaused, ['paused']],
  stoppedOnPurpose: [stoppedOnPurpose, ['created', 'running', 'paused', 'restarting', 'exited', 'removing', 'dead']],
  removing: [removing, ['created', 'exited', 'dead']],
  dead: [(state) => dead(state, 'busy'), ['removing']],
};

describe('the state machine', () => {
  it('goes no other way than those, whatever is asked of it', () => {
    assertProperty(
      property(array(constantFrom(...Object.keys(changes)), { maxLength: 30 }), (names) => {
        const containers = new Containers(new MemoryRecords());
        const id = idOf('c');
        containers.add(recordOf(id, 'c'));
        for (const name of names) {
          const { state } = containers.find(id);
          const [change, from] = changes[name] ?? assert.fail();
          const isAllowed = from.includes(state.status);
          let changed: ContainerState | undefined;
          try {
            changed = change(state);
          } catch (error) {
            assert.ok(isKind(error, 'internal') && !isAllowed, `${state.status}: ${name}`);
            continue;
          }
          assert.ok(isAllowed, `${state.status}: ${name}`);
          const next = changed;
          containers.update(id, (record) => ({ ...record, state: next }));
          assert.equal(isAlive(next), next.pid !== 0, `${state.status}: ${name}: a pid without a process`);
        }
      }),
    );
  });

  it('is not got round by writing a status into a record', () => {
    const containers = new Containers(new MemoryRecords());
    const id = idOf('c');
    containers.add(recordOf(id, 'c'));
    const write = (status: ContainerStatus) => (): unknown =>
      containers.update(id, (record) => ({ ...record, state: { ...record.state, status } }));
    for (const status of ['paused', 'restarting', 'exited', 'dead'] as const)
      assert.throws(write(status), (error) => isKind(error, 'internal'));
    assert.doesNotThrow(write('running'));
    assert.throws(write('removing'), /a container that is running cannot become removing/);
    assert.throws(
      () => containers.delete(id),
      (error) => isKind(error, 'internal'),
    );
  });
});

describe('waiting', () => {
  const never = new AbortController().signal;

  it('for an exit ends with the next one, for a removal with that, by the last exit code', async () => {
    const waiters = new Waiters();
    const [exit, removal] = [waiters.next('id', 'exit', never), waiters.next('id', 'removed', never)];
    waiters.exited('id', result(3));
    assert.deepEqual(await exit, result(3));
    waiters.removed('id', result(0));
    assert.deepEqual(await removal, result(3));
  });

  it('for an exit ends with the removal, too', async () => {
    const waiters = new Waiters();
    const exit = waiters.next('id', 'exit', never);
    waiters.removed('id', result(9));
    assert.deepEqual(await exit, result(9));
  });

  it('is forgotten when the client goes, before or after it begins', async () => {
    const waiters = new Waiters();
    const client = new AbortController();
    let told = 0;
    void waiters.next('id', 'exit', client.signal).then(() => told++);
    void waiters.next('id', 'exit', AbortSignal.abort()).then(() => told++);
    client.abort();
    waiters.exited('id', result(0));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(told, 0);
  });
});
