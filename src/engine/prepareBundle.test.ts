import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { test, type TestContext } from 'node:test';

import type { HostConfig } from '../api/index.ts';
import { isKind } from '../base/index.ts';
import type { OciSpec } from '../runtime/index.ts';

import type { EngineSettings } from './parts.ts';
import { prepareBundle } from './prepareBundle.ts';
import { openBench } from './testBench.ts';

const id = 'f'.repeat(64);
const initPath = '/usr/bin/tini-static';

/** The config.json of a container with this host configuration, under a daemon with these settings. */
function specOf(t: TestContext, hostConfig: HostConfig, settings: Partial<EngineSettings> = {}): OciSpec {
  const bench = openBench();
  t.after(() => bench.remove());
  const { settings: usual, host, execPaths, dataPaths } = bench.parts;
  const { config, bundle, rootfs } = execPaths.container(id);
  for (const dir of [bundle, rootfs, dataPaths.container(id).dir]) mkdirSync(dir, { recursive: true });
  const parts = {
    ...bench.parts,
    settings: { ...usual, ...settings },
    host: { ...host, hardLimits: { nofile: 100, core: 100 } },
  };
  prepareBundle(parts, bench.add(id, { hostConfig }), undefined);
  return JSON.parse(readFileSync(config, 'utf8')) as OciSpec;
}

test('an init is there when the container or else the daemon wants one, and never in the host’s pid namespace', (t) => {
  const first = (hostConfig: HostConfig, init: boolean): string | undefined =>
    specOf(t, hostConfig, { initPath, init }).process.args[0];
  assert.equal(first({ Init: true }, false), '/sbin/docker-init');
  assert.equal(first({}, true), '/sbin/docker-init');
  assert.equal(first({ Init: false }, true), '/bin/true');
  assert.equal(first({ Init: true, PidMode: 'host' }, true), '/bin/true');
});

test('without an init on the host it is said what to install', (t) => {
  assert.throws(
    () => specOf(t, { Init: true }),
    (error) => isKind(error, 'invalid') && /install the package tini or catatonit/.test(error.message),
  );
});

test('the daemon’s ulimits are for what the container says nothing of', (t) => {
  const one = { Name: 'nofile', Soft: 1, Hard: 2 };
  const settings = { defaultUlimits: [one, { Name: 'core', Soft: 0, Hard: 3 }] };
  const { rlimits } = specOf(t, { Ulimits: [{ ...one, Hard: 9 }] }, settings).process;
  assert.deepEqual(rlimits, [
    { type: 'RLIMIT_NOFILE', soft: 1, hard: 9 },
    { type: 'RLIMIT_CORE', soft: 0, hard: 3 },
  ]);
});

test('a parent cgroup counts from the root, and none leads above it', (t) => {
  for (const CgroupParent of ['/x/y', 'x/y/', '../../x//y']) {
    assert.equal(specOf(t, { CgroupParent }).linux.cgroupsPath, `/x/y/${id}`);
  }
  assert.equal(specOf(t, {}).linux.cgroupsPath, `/gantry/${id}`);
});
