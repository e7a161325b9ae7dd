import assert from 'node:assert/strict';
import { test } from 'node:test';

import { digestOf, type ImageConfig } from '../oci/index.ts';
import { commitConfig, type CommitInput } from './commit.ts';

const parent: ImageConfig = {
  created: '2020-01-01T00:00:00Z',
  author: 'Somebody Else',
  architecture: 'arm64',
  os: 'linux',
  variant: 'v8',
  config: { Cmd: ['old'] },
  rootfs: { type: 'layers', diff_ids: [digestOf('below')] },
  history: [{ created: '2020-01-01T00:00:00Z', created_by: 'below' }],
};

const input: CommitInput = {
  parent,
  diffId: digestOf('new'),
  containerId: 'c'.repeat(64),
  containerConfig: { Hostname: 'cccc', Cmd: ['sh', '-c', 'x'] },
  config: { Hostname: 'cccc', Cmd: ['new'], Env: ['A=1'] },
  createdBy: 'sh -c x',
  author: 'Me',
  comment: 'why',
  created: '2026-01-02T03:04:05.000000006Z',
  engineVersion: '1.2.3',
};

test('a committed image adds a layer and a step to the one below', () => {
  const { bytes, config } = commitConfig(input);
  assert.deepEqual(config, {
    architecture: 'arm64',
    author: 'Me',
    config: { Cmd: ['new'], Env: ['A=1'] },
    created: input.created,
    docker_version: '1.2.3',
    history: [
      ...(parent.history ?? []),
      { created: input.created, created_by: 'sh -c x', author: 'Me', comment: 'why' },
    ],
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: [digestOf('below'), digestOf('new')] },
    variant: 'v8',
  });
  const document = JSON.parse(bytes.toString()) as Record<string, unknown>;
  assert.deepEqual(
    [document['container'], document['container_config'], document['config']],
    [input.containerId, input.containerConfig, input.config],
  );
  assert.deepEqual(Object.keys(document), Object.keys(document).toSorted());
});

test('a commit without changes adds a step only, and says nothing that it was not told', () => {
  const { bytes, config } = commitConfig({ ...input, diffId: undefined, author: '', comment: '' });
  assert.deepEqual(config.rootfs, parent.rootfs);
  assert.deepEqual(config.history?.at(-1), { created: input.created, created_by: 'sh -c x', empty_layer: true });
  assert.equal('author' in (JSON.parse(bytes.toString()) as object), false);
});
