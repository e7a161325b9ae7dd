import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { ProgressMessage } from '../api/index.ts';
import { isKind } from '../base/index.ts';

import { Pulls } from './pulls.ts';

const never = new AbortController().signal;
const ignore = (): void => {};
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('pulls of the same thing', () => {
  it('share the work; who joins late is told the last word on each layer', async () => {
    const pulls = new Pulls(3);
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    let runs = 0;
    const work = async (report: (message: ProgressMessage) => void): Promise<void> => {
      runs++;
      report({ id: 'one', status: 'Downloading' });
      report({ id: 'one', status: 'Download complete' });
      await gate;
      report({ status: 'done' });
    };
    const heard: string[] = [];
    const first = pulls.join('key', ignore, never, work);
    await turn();
    const second = pulls.join('key', ({ status }) => void heard.push(status ?? ''), never, work);
    open();
    await Promise.all([first, second]);
    assert.equal(runs, 1);
    assert.deepEqual(heard, ['Download complete', 'done']);
    assert.equal(pulls.isIdle, true);
  });

  it('fail together, and the next begins anew', async () => {
    const pulls = new Pulls(3);
    const failure = new Error('no such image');
    const failing = (): Promise<void> => Promise.reject(failure);
    const both = [pulls.join('key', ignore, never, failing), pulls.join('key', ignore, never, failing)];
    for (const each of both) await assert.rejects(each, failure);
    await pulls.join('key', ignore, never, async () => {});
  });

  it('go on while one client is left, and are aborted with the last', async () => {
    const pulls = new Pulls(3);
    const [one, other] = [new AbortController(), new AbortController()];
    let signal = never;
    const work = (_report: unknown, own: AbortSignal): Promise<void> => {
      signal = own;
      return new Promise((_resolve, reject) => own.addEventListener('abort', () => reject(new Error('aborted'))));
    };
    const first = pulls.join('key', ignore, one.signal, work);
    const second = pulls.join('key', () => {}, other.signal, work);
    await turn();
    one.abort();
    await assert.rejects(first, (error) => isKind(error, 'cancelled'));
    assert.equal(signal.aborted, false);
    other.abort();
    await assert.rejects(second, (error) => isKind(error, 'cancelled'));
    assert.equal(signal.aborted, true);
  });

  it('are not joined once they are aborted', async () => {
    const pulls = new Pulls(3);
    const client = new AbortController();
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const first = pulls.join('key', ignore, client.signal, () => gate);
    client.abort();
    await assert.rejects(first);
    let isNew = false;
    await pulls.join('key', ignore, never, async () => void (isNew = true));
    assert.equal(isNew, true);
    open();
  });

  it('leave a client that was gone before it asked', async () => {
    const pulls = new Pulls(3);
    await assert.rejects(
      pulls.join('key', ignore, AbortSignal.abort(), () => new Promise(() => {})),
      (error) => isKind(error, 'cancelled'),
    );
  });
});

describe('downloads', () => {
  it('take a slot each, first come first served, also when one fails', async () => {
    const pulls = new Pulls(1);
    const order: string[] = [];
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const first = pulls.download(async () => {
      await gate;
      order.push('first');
      throw new Error('cut');
    });
    const rest = ['second', 'third'].map((name) => pulls.download(async () => void order.push(name)));
    assert.equal(pulls.isBusy, true);
    open();
    await assert.rejects(first, /cut/);
    await Promise.all(rest);
    assert.deepEqual(order, ['first', 'second', 'third']);
    assert.equal(pulls.isBusy, false);
  });
});

describe('what pulls hold', () => {
  it('stays held until each has let go, and letting go twice counts once', () => {
    const pulls = new Pulls(1);
    const [one, other] = [pulls.hold(['a', 'b']), pulls.hold(['a'])];
    one();
    one();
    assert.deepEqual([pulls.isHeld('a'), pulls.isHeld('b')], [true, false]);
    other();
    assert.equal(pulls.isHeld('a'), false);
  });
});
