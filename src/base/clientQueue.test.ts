import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { ClientQueue } from './clientQueue.ts';
import type { SpillFile, StreamChunk } from './spillRing.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A disk of `sizeBytes` for one file, which takes a turn of the event loop for everything. */
class FakeDisk {
  readonly bytes: Buffer;
  room: number;
  opened = 0;
  closed = 0;
  #underWay = 0;

  constructor(sizeBytes: number, room = sizeBytes) {
    this.bytes = Buffer.alloc(sizeBytes);
    this.room = room;
  }

  readonly open = async (): Promise<SpillFile> => {
    await turn();
    this.opened++;
    return {
      write: (data, position) =>
        this.#run(() => {
          assert.ok(position + data.length <= this.bytes.length, 'the file stays within its bound');
          this.bytes.set(data.subarray(0, this.room), position);
          if (position + data.length > this.room) throw Object.assign(new Error('disk full'), { code: 'ENOSPC' });
        }),
      read: (position, length) => this.#run(() => Buffer.from(this.bytes.subarray(position, position + length))),
      close: async () => {
        assert.equal(this.#underWay, 0, 'nothing is under way');
        this.closed++;
      },
    };
  };

  async #run<T>(work: () => T): Promise<T> {
    this.#underWay++;
    await turn();
    this.#underWay--;
    return work();
  }
}

const errors: unknown[] = [];

function queueOn(disk: FakeDisk | undefined, memoryBytes: number): ClientQueue {
  errors.length = 0;
  return new ClientQueue({
    memoryBytes,
    spillBytes: disk?.bytes.length ?? 0,
    openSpill: disk?.open,
    onSpillError: (error) => errors.push(error),
  });
}

/** Every byte as the stream's letter and itself: chunks may be cut and joined on the way, order may not change. */
function trace(chunks: readonly StreamChunk[]): string {
  return chunks.map(({ stream, data }) => Array.from(data, (byte) => `${stream[3]}${byte}`).join(' ')).join(' ');
}

function counted(sizes: readonly { readonly size: number; readonly isError: boolean }[]): StreamChunk[] {
  let next = 0;
  return sizes.map(({ size, isError }) => ({
    stream: isError ? 'stderr' : 'stdout',
    data: Uint8Array.from({ length: size }, () => next++ % 251),
  }));
}

const manyChunks = (count: number, size: number): StreamChunk[] =>
  counted(Array.from({ length: count }, (_, at) => ({ size, isError: at % 3 === 0 })));

async function takeAll(queue: ClientQueue): Promise<StreamChunk[]> {
  const taken: StreamChunk[] = [];
  for await (const chunk of queue) taken.push(chunk);
  return taken;
}

async function settle(): Promise<void> {
  for (let turns = 0; turns < 50; turns++) await turn();
}

test('whatever the sizes and however the client drains, every byte comes, in order, within the bounds', async () => {
  const scenario = fc.record({
    chunks: fc.array(fc.record({ size: fc.integer({ min: 1, max: 700 }), isError: fc.boolean() }), { maxLength: 120 }),
    memoryBytes: fc.integer({ min: 1, max: 3000 }),
    spillBytes: fc.integer({ min: 100, max: 20_000 }),
    room: fc.integer({ min: 0, max: 20_000 }),
    pauses: fc.array(fc.nat(6), { minLength: 1, maxLength: 20 }),
    rests: fc.array(fc.nat(2), { minLength: 1, maxLength: 20 }),
  });
  await fc.assert(
    fc.asyncProperty(scenario, async ({ chunks: sizes, memoryBytes, spillBytes, room, pauses, rests }) => {
      const disk = new FakeDisk(spillBytes, room);
      const queue = queueOn(disk, memoryBytes);
      const chunks = counted(sizes);
      let [pushed, taken] = [0, 0];
      const consume = async (): Promise<StreamChunk[]> => {
        const all: StreamChunk[] = [];
        for await (const chunk of queue) {
          all.push(chunk);
          taken += chunk.data.length;
          const turns = pauses[all.length % pauses.length] ?? 0;
          for (let at = 0; at < turns; at++) await turn();
        }
        return all;
      };
      const consumed = consume();
      for (const [at, chunk] of chunks.entries()) {
        while (queue.isFull) await queue.room();
        queue.push(chunk);
        pushed += chunk.data.length;
        assert.ok(pushed - taken <= 2 * memoryBytes + spillBytes + 3 * 700, 'what waits is bounded');
        for (let turns = rests[at % rests.length] ?? 0; turns > 0; turns--) await turn();
      }
      queue.end();
      assert.equal(trace(await consumed), trace(chunks));
      await settle();
      assert.equal(disk.closed, disk.opened, 'every file is given back');
    }),
    { numRuns: 150 },
  );
});

test('what fits into memory never sees the disk', async () => {
  const disk = new FakeDisk(10_000);
  const queue = queueOn(disk, 1000);
  const chunks = manyChunks(5, 72);
  for (const chunk of chunks) queue.push(chunk);
  queue.end();
  assert.equal(trace(await takeAll(queue)), trace(chunks));
  assert.equal(disk.opened, 0);
});

test('a client that takes nothing fills its file, then the memory behind it, and is full', async () => {
  const disk = new FakeDisk(10_000);
  const queue = queueOn(disk, 1000);
  const chunks = manyChunks(1000, 92);
  let count = 0;
  for (; !queue.isFull; count++) {
    queue.push(chunks[count] ?? assert.fail('never full'));
    await settle();
  }
  // 5 of 220 bytes in the head, 100 of 100 bytes in the file, 5 in the tail
  assert.equal(count, 110);
  queue.end();
  assert.equal(trace(await takeAll(queue)), trace(chunks.slice(0, count)));
  await settle();
  assert.deepEqual([disk.opened, disk.closed], [1, 1]);
});

test('a disk that refuses leaves everything in memory until the client has caught up, and is then asked again', async () => {
  const disk = new FakeDisk(100_000, 2000);
  const queue = queueOn(disk, 1000);
  const chunks = manyChunks(300, 92);
  let count = 0;
  const fill = async (): Promise<void> => {
    for (; !queue.isFull && count < 150; count++) {
      queue.push(chunks[count] ?? assert.fail('never full'));
      await settle();
    }
  };
  await fill();
  assert.ok(count < 40, 'full before the file is');
  assert.equal((errors[0] as NodeJS.ErrnoException).code, 'ENOSPC');
  const consumed = takeAll(queue);
  await settle();
  assert.equal(queue.isFull, false);
  disk.room = 100_000;
  for (; count < chunks.length; count++) queue.push(chunks[count] ?? assert.fail());
  queue.end();
  assert.equal(trace(await consumed), trace(chunks));
  await settle();
  assert.equal(errors.length, 1);
  assert.equal(disk.opened, 2);
  assert.equal(disk.closed, disk.opened);
});

test('a discarded queue gives its file back, also while the disk is at work', async () => {
  for (const turns of [0, 1, 2, 3, 4, 50]) {
    const disk = new FakeDisk(100_000);
    const queue = queueOn(disk, 1000);
    for (const chunk of manyChunks(100, 92)) queue.push(chunk);
    for (let at = 0; at < turns; at++) await turn();
    queue.discard(new Error('gone'));
    await settle();
    assert.equal(disk.closed, disk.opened);
    await assert.rejects(takeAll(queue), /gone/);
    assert.deepEqual(errors, []);
  }
});

test('a file that cannot be read any more fails the client', async () => {
  const disk = new FakeDisk(100_000);
  const open = async (): Promise<SpillFile> => ({
    ...(await disk.open()),
    read: () => Promise.reject(new Error('EIO')),
  });
  const queue = new ClientQueue({
    memoryBytes: 1000,
    spillBytes: 100_000,
    openSpill: open,
    onSpillError: (error) => assert.fail(String(error)),
  });
  for (const chunk of manyChunks(100, 92)) queue.push(chunk);
  await settle();
  queue.end();
  await assert.rejects(takeAll(queue), /EIO/);
  await settle();
  assert.equal(disk.closed, 1);
});

test('once it is lifted it is never full, and overrun in the end', async () => {
  const queue = queueOn(undefined, 1000);
  const data = new Uint8Array(1 << 20);
  for (let at = 0; at < 3; at++) queue.push({ stream: 'stdout', data });
  assert.equal(queue.isFull, true);
  const room = queue.room();
  queue.lift();
  await room;
  assert.deepEqual([queue.isFull, queue.isOverrun], [false, false]);
  for (let at = 0; at < 3; at++) queue.push({ stream: 'stdout', data });
  assert.deepEqual([queue.isFull, queue.isOverrun], [false, true]);
});
