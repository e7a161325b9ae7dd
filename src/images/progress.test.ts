import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { ProgressMessage } from '../api/index.ts';
import { digestOf, hexOf, parseReference } from '../oci/index.ts';
import { createPullProgress, progressBar } from './progress.ts';

const digest = digestOf('layer');
const id = hexOf(digest).slice(0, 12);

function counted(status: string, current: number): ProgressMessage {
  return { status, progressDetail: { current, total: 100 }, progress: progressBar(current, 100), id };
}

function step(status: string): ProgressMessage {
  return { status, progressDetail: {}, id };
}

describe('createPullProgress', () => {
  it('tells a pull in Docker’s words, counts at most every 100 ms', () => {
    const messages: ProgressMessage[] = [];
    let nowMs = 1000;
    const progress = createPullProgress((message) => messages.push(message), parseReference('alpine'), {
      now: () => nowMs,
    });
    progress.begin();
    const layer = progress.layer(digest);
    layer.waiting();
    for (const current of [0, 10, 20, 30]) {
      layer.downloading(current, 100);
      nowMs += 60;
    }
    layer.verifying();
    layer.downloaded();
    layer.extracting(100, 100);
    layer.complete();
    progress.end({ digest, isNewer: true });
    assert.deepEqual(messages, [
      { status: 'Pulling from library/alpine', id: 'latest' },
      step('Pulling fs layer'),
      step('Waiting'),
      counted('Downloading', 0),
      counted('Downloading', 20),
      step('Verifying Checksum'),
      step('Download complete'),
      counted('Extracting', 100),
      step('Pull complete'),
      { status: `Digest: ${digest}` },
      { status: 'Status: Downloaded newer image for alpine:latest' },
    ]);
  });

  it('says when nothing has changed', () => {
    const messages: ProgressMessage[] = [];
    const reference = parseReference(`r.example/team/app@${digest}`);
    const progress = createPullProgress((message) => messages.push(message), reference);
    progress.begin();
    progress.end({ digest, isNewer: false });
    assert.deepEqual(
      messages.map(({ status }) => status),
      ['Pulling from team/app', `Digest: ${digest}`, `Status: Image is up to date for r.example/team/app@${digest}`],
    );
    assert.equal(messages[0]?.id, digest);
  });
});

describe('progressBar', () => {
  it('fills up, and shows a bare count where the total is unknown or wrong', () => {
    assert.equal(progressBar(0, 0), '');
    assert.equal(progressBar(1500, 0), '   1.5kB');
    assert.equal(progressBar(50, 100), `[${'='.repeat(25)}>${' '.repeat(25)}]      50B/100B`);
    assert.equal(progressBar(200, 100), `[${'='.repeat(50)}>]     200B`);
  });
});
