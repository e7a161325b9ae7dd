import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';

import { isKind } from '../base/index.ts';

import { attachContainer } from './attachContainer.ts';
import { openBench, type Bench } from './testBench.ts';

const id = 'f'.repeat(64);
const nothing = { stdin: false, stdout: false, stderr: false, stream: false, logs: false, detachKeys: undefined };

function openedBench(t: TestContext): Bench {
  const bench = openBench();
  t.after(() => bench.remove());
  return bench;
}

test('bad detach keys are refused before all else', async (t) => {
  const { parts, events } = openedBench(t);
  await assert.rejects(attachContainer(parts, 'nobody', { ...nothing, detachKeys: 'bogus-x' }), (error) =>
    isKind(error, 'invalid'),
  );
  assert.deepEqual(events, []);
});

test('who asks for no stream is told the end at once, and announced all the same', async (t) => {
  const bench = openedBench(t);
  bench.add(id);
  for (const stream of [false, true]) {
    const session = await attachContainer(bench.parts, id, { ...nothing, stream });
    const chunks = await Array.fromAsync(session.output);
    assert.deepEqual([chunks, session.stdin], [[], undefined]);
  }
  assert.deepEqual(bench.events, ['container attach', 'container attach']);
});
