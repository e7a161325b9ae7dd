import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import * as fc from 'fast-check';

import { GantryError } from '../base/index.ts';
import { chainIds } from './chain.ts';
import type { Digest } from './digest.ts';
import { digestOf } from './digest.ts';
import { parseImageConfig } from './imageConfig.ts';
import { checkImageManifest, checkImageConfig, mediaTypes, parseManifest, parseManifestDocument } from './manifest.ts';

const layer = { mediaType: mediaTypes.layerGzip, digest: digestOf('layer'), size: 5 };
const manifest = {
  schemaVersion: 2,
  mediaType: mediaTypes.manifest as string,
  config: { mediaType: mediaTypes.config as string, digest: digestOf('config'), size: 6 },
  layers: [layer],
};
const config = { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [digestOf('diff')] } };

function bytes(value: unknown): Buffer {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
}

describe('parseManifestDocument', () => {
  it('reads manifests and indexes, and drops what it does not know', () => {
    const read = parseManifestDocument(bytes({ ...manifest, unknown: 1 }));
    assert.deepEqual(read, { kind: 'manifest', mediaType: mediaTypes.manifest, manifest });
    const index = { schemaVersion: 2, manifests: [{ ...layer, platform: { os: 'linux', architecture: 'arm' } }] };
    assert.deepEqual(parseManifestDocument(bytes(index)), { kind: 'index', mediaType: mediaTypes.index, index });
  });

  it('goes by the declared type when the document names none', () => {
    const { mediaType: _, ...untyped } = manifest;
    assert.equal(parseManifestDocument(bytes(untyped), mediaTypes.dockerManifest).mediaType, mediaTypes.dockerManifest);
    assert.equal(parseManifestDocument(bytes(untyped), 'text/plain').mediaType, mediaTypes.manifest);
  });

  const refused: readonly (readonly [what: string, document: unknown, text: RegExp])[] = [
    ['no JSON', '{', /invalid manifest: .*JSON/],
    ['an array', [], /schemaVersion|want/],
    ['null', 'null', /want an object/],
    ['two readings', { ...manifest, manifests: [] }, /fields of an index and of a manifest/],
    ['an index with layers', { schemaVersion: 2, manifests: [], layers: [] }, /fields of an index and of a manifest/],
    ['schema 1', { schemaVersion: 1, fsLayers: [] }, /schema 1 is not supported/],
    ['an unknown type', { ...manifest, mediaType: 'text/html' }, /unsupported media type "text\/html"/],
    ['a negative size', { ...manifest, layers: [{ ...layer, size: -1 }] }, /layers\[0\]\.size: want a whole number/],
    ['a fractional size', { ...manifest, layers: [{ ...layer, size: 1.5 }] }, /layers\[0\]\.size/],
    ['a bad digest', { ...manifest, config: { ...layer, digest: 'sha256:../../x' } }, /config\.digest: want a digest/],
    [
      'too many layers',
      { ...manifest, layers: Array.from({ length: 1001 }, () => layer) },
      /layers: want at most 1000 items/,
    ],
    ['deep nesting', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, /levels of nesting/],
    ['too many bytes', ' '.repeat(4 * 1024 * 1024 + 1), /more than the limit of 4194304/],
  ];
  for (const [what, document, text] of refused)
    it(`refuses ${what}`, () =>
      assert.throws(() => parseManifestDocument(bytes(document)), { kind: 'invalid', message: text }));

  it('refuses a document of another type than it was served as', () => {
    assert.throws(() => parseManifestDocument(bytes(manifest), mediaTypes.index), {
      kind: 'invalid',
      message: /but served as "application\/vnd\.oci\.image\.index/,
    });
  });

  it('throws nothing but GantryError, whatever the JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (config, layers) => {
        try {
          parseManifest(bytes({ schemaVersion: 2, config, layers }));
        } catch (error) {
          assert.ok(error instanceof GantryError);
        }
      }),
    );
  });
});

describe('checkImageManifest', () => {
  it('lets an image pass and refuses other artifacts and unknown layers', () => {
    const parsed = parseManifest(bytes(manifest));
    checkImageManifest(parsed);
    assert.throws(() => checkImageManifest({ ...parsed, config: { ...parsed.config, mediaType: 'chart' } }), {
      message: 'invalid manifest: its configuration has the media type "chart"',
      hint: 'This artifact is not a container image.',
    });
    assert.throws(() => checkImageManifest({ ...parsed, layers: [{ ...layer, mediaType: 'text/css' }] }), {
      message: 'invalid manifest: unsupported layer media type "text/css"',
    });
  });

  it('wants one diff id for every layer', () => {
    const parsed = parseManifest(bytes({ ...manifest, layers: [layer, layer] }));
    assert.throws(() => checkImageConfig(parsed, parseImageConfig(bytes(config))), {
      message: "layers from manifest don't match image configuration",
    });
  });

  it('wants a configuration for Linux', () => {
    const foreign = parseImageConfig(bytes({ ...config, os: 'windows' }));
    assert.throws(() => checkImageConfig(parseManifest(bytes(manifest)), foreign), {
      message: 'image operating system "windows" cannot be used on this platform',
    });
  });
});

describe('parseImageConfig', () => {
  it('reads what Docker writes', () => {
    const run = {
      Env: ['A=b'],
      Cmd: ['sh'],
      Entrypoint: null,
      Volumes: { '/data': {} },
      ExposedPorts: { '80/tcp': {} },
      Labels: { a: 'b' },
      Hostname: 'dropped',
    };
    const read = parseImageConfig(bytes({ ...config, created: '2024-09-26T21:31:42.5Z', config: run }));
    assert.deepEqual(read.config, {
      Env: ['A=b'],
      Cmd: ['sh'],
      Volumes: { '/data': {} },
      ExposedPorts: { '80/tcp': {} },
      Labels: { a: 'b' },
    });
    assert.equal(read.created, '2024-09-26T21:31:42.5Z');
  });

  it('takes a command that is one string, and a missing system as linux', () => {
    const read = parseImageConfig(bytes({ ...config, os: '', config: { Entrypoint: '/init' } }));
    assert.deepEqual(read.config, { Entrypoint: ['/init'] });
    assert.equal(read.os, 'linux');
  });

  for (const [what, document, text] of [
    ['a bad time', { ...config, created: 'yesterday' }, /created: want an RFC 3339 time/],
    ['no layers', { ...config, rootfs: undefined }, /rootfs: want an object/],
    ['another rootfs', { ...config, rootfs: { type: 'zip', diff_ids: [] } }, /rootfs\.type: want "layers"/],
    ['a number in Env', { ...config, config: { Env: [1] } }, /invalid image configuration: config\.Env\[0\]: want/],
    ['an object as a label', { ...config, config: { Labels: { a: {} } } }, /config\.Labels\["a"\]: want a string/],
  ] as const)
    it(`refuses ${what}`, () =>
      assert.throws(() => parseImageConfig(bytes(document)), { kind: 'invalid', message: text }));
});

describe('chainIds', () => {
  it('chains by digest of the id below and the diff id', () => {
    const [a, b, c] = ['a', 'b', 'c'].map((text): Digest => digestOf(text));
    assert.ok(a !== undefined && b !== undefined && c !== undefined);
    const ab = digestOf(`${a} ${b}`);
    assert.deepEqual(chainIds([a, b, c]), [a, ab, digestOf(`${ab} ${c}`)]);
    assert.deepEqual(chainIds([]), []);
  });
});
