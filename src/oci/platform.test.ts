import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { chooseManifest } from './choose.ts';
import { digestOf } from './digest.ts';
import type { Descriptor, Index } from './manifest.ts';
import { mediaTypes } from './manifest.ts';
import { formatPlatform, hostPlatform, matchPlatform, parsePlatform } from './platform.ts';

const host = { os: 'linux', architecture: 'amd64' };

function offered(text: string | undefined): Descriptor {
  const base = { mediaType: mediaTypes.manifest, digest: digestOf(text ?? ''), size: 1 };
  if (text === undefined) return base;
  const [os = '', architecture = '', variant] = text.split('/');
  return { ...base, platform: { os, architecture, ...(variant !== undefined && { variant }) } };
}

function indexOf(...platforms: (string | undefined)[]): Index {
  return { schemaVersion: 2, manifests: platforms.map(offered) };
}

function chosen(wanted: string, ...platforms: string[]): string {
  const platform = chooseManifest(indexOf(...platforms), parsePlatform(wanted, host)).platform;
  return platform === undefined ? 'none' : formatPlatform(platform);
}

describe('parsePlatform', () => {
  for (const [typed, meant] of [
    ['linux/arm/v7', 'linux/arm/v7'],
    ['linux/arm', 'linux/arm/v7'],
    ['linux/arm64/v8', 'linux/arm64'],
    ['Linux/X86_64', 'linux/amd64'],
    ['linux/armhf', 'linux/arm/v7'],
    ['linux', 'linux/amd64'],
    ['aarch64', 'linux/arm64'],
    ['windows', 'windows/amd64'],
    ['linux/amd64/v1', 'linux/amd64'],
  ] as const)
    it(`reads ${typed}`, () => assert.equal(formatPlatform(parsePlatform(typed, host)), meant));

  for (const typed of ['', 'linux/', 'a/b/c/d', 'plan9x', 'linux/*', 'linux/am d64'])
    it(`refuses ${JSON.stringify(typed)}`, () =>
      assert.throws(() => parsePlatform(typed, host), { kind: 'invalid', message: /^invalid platform / }));

  it('knows the machine by Node’s names', () => {
    assert.equal(formatPlatform(hostPlatform('x64')), 'linux/amd64');
    assert.equal(formatPlatform(hostPlatform('arm64')), 'linux/arm64');
    assert.match(formatPlatform(hostPlatform('arm')), /^linux\/arm\/v\d$/);
  });
});

describe('chooseManifest', () => {
  it('takes the exact platform first, in any order', () => {
    assert.equal(chosen('linux/arm64', 'linux/arm/v7', 'linux/arm64/v8', 'linux/amd64'), 'linux/arm64/v8');
    assert.equal(chosen('linux/amd64', 'linux/386', 'linux/amd64'), 'linux/amd64');
  });

  it('falls back to what the machine can also run, newest first', () => {
    assert.equal(chosen('linux/arm64', 'linux/arm/v5', 'linux/arm/v7', 'linux/arm/v6'), 'linux/arm/v7');
    assert.equal(chosen('linux/arm/v7', 'linux/arm/v6', 'linux/arm/v8'), 'linux/arm/v6');
    assert.equal(chosen('linux/amd64/v3', 'linux/amd64', 'linux/amd64/v2', 'linux/amd64/v4'), 'linux/amd64/v2');
    assert.equal(chosen('linux/amd64', 'linux/386'), 'linux/386');
  });

  it('takes an only manifest that does not say its platform', () => {
    assert.deepEqual(chooseManifest(indexOf(undefined), host), offered(undefined));
    assert.throws(() => chooseManifest(indexOf(undefined, undefined), host), { kind: 'notFound' });
  });

  it('says what was wanted and what is there, attestations left out', () => {
    assert.throws(() => chosen('linux/riscv64', 'linux/amd64', 'unknown/unknown', 'linux/arm64'), {
      kind: 'notFound',
      message: 'no matching manifest for linux/riscv64 in the manifest list entries',
      hint: 'The image is there for linux/amd64, linux/arm64.',
    });
  });

  it('never runs what is newer or of another system', () => {
    assert.ok(!matchPlatform(host, { os: 'linux', architecture: 'amd64', variant: 'v2' }));
    assert.ok(!matchPlatform(host, { os: 'windows', architecture: 'amd64' }));
  });
});
