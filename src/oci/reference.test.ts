import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import * as fc from 'fast-check';

import { GantryError } from '../base/index.ts';
import { canonical, familiar, parseReference, withDefaultTag, withTag, withTagOrDigest } from './reference.ts';

const hex = '0123456789abcdef'.repeat(4);
const digest = `sha256:${hex}`;

function refusal(text: string): string {
  try {
    return `accepted as ${canonical(parseReference(text))}`;
  } catch (error) {
    assert.ok(error instanceof GantryError && error.kind === 'invalid');
    return error.message;
  }
}

describe('parseReference', () => {
  const accepted: readonly (readonly [typed: string, canonical: string, familiar: string])[] = [
    ['alpine', 'docker.io/library/alpine', 'alpine'],
    ['alpine:3.19', 'docker.io/library/alpine:3.19', 'alpine:3.19'],
    ['library/alpine', 'docker.io/library/alpine', 'alpine'],
    ['index.docker.io/alpine', 'docker.io/library/alpine', 'alpine'],
    ['docker.io/a/b', 'docker.io/a/b', 'a/b'],
    ['library/a/b', 'docker.io/library/a/b', 'library/a/b'],
    ['localhost/a', 'localhost/a', 'localhost/a'],
    ['localhost', 'docker.io/library/localhost', 'localhost'],
    ['localhost:5000/a:1', 'localhost:5000/a:1', 'localhost:5000/a:1'],
    ['localhost:5000', 'docker.io/library/localhost:5000', 'localhost:5000'],
    ['Foo/bar', 'Foo/bar', 'Foo/bar'],
    ['[2001:db8::1]:5000/a/b:t', '[2001:db8::1]:5000/a/b:t', '[2001:db8::1]:5000/a/b:t'],
    ['quay.io/a__b/c---d.e_f:V1', 'quay.io/a__b/c---d.e_f:V1', 'quay.io/a__b/c---d.e_f:V1'],
    [`alpine@${digest}`, `docker.io/library/alpine@${digest}`, `alpine@${digest}`],
    [`alpine:3@${digest}`, `docker.io/library/alpine:3@${digest}`, `alpine:3@${digest}`],
    [hex.slice(1), `docker.io/library/${hex.slice(1)}`, hex.slice(1)],
  ];
  for (const [typed, full, short] of accepted)
    it(`reads ${typed}`, () => {
      const reference = parseReference(typed);
      assert.equal(canonical(reference), full);
      assert.equal(familiar(reference), short);
    });

  const malformed = 'invalid reference format';
  const refused: readonly (readonly [typed: string, text: string])[] = [
    ['', malformed],
    [' alpine', malformed],
    ['alpine:', malformed],
    ['alpine:a:b', malformed],
    [`alpine:${'a'.repeat(129)}`, malformed],
    ['alpine:-a', malformed],
    ['a//b', malformed],
    ['/a', malformed],
    ['a/', malformed],
    ['-a', malformed],
    ['a___b', malformed],
    ['a..b', malformed],
    ['foo_bar.com/a', malformed],
    ['-foo.com/a', malformed],
    ['[fe80::1%eth0]/a', malformed],
    ['https://quay.io/a', malformed],
    ['alpine\n', malformed],
    ['a@sha256:abc', malformed],
    [`a@sha256:${hex}0`, 'invalid checksum digest length'],
    [`a@sha256:${hex.toUpperCase()}`, 'invalid checksum digest format'],
    [`a@sha512:${hex}${hex}`, 'unsupported digest algorithm'],
    ['Foo', 'invalid reference format: repository name (library/Foo) must be lowercase'],
    ['quay.io/aB:1', 'invalid reference format: repository name (aB) must be lowercase'],
    [hex, `invalid repository name (${hex}), cannot specify 64-byte hexadecimal strings`],
    [`a/${'b'.repeat(254)}`, 'repository name must not be more than 255 characters'],
    ['a'.repeat(5000), malformed],
  ];
  for (const [typed, text] of refused)
    it(`refuses ${JSON.stringify(typed.slice(0, 40))}`, () => assert.equal(refusal(typed), text));

  it('gives the same reference again from its canonical and its familiar text', () => {
    const first = fc.stringMatching(/^[a-z0-9]{1,8}([_-][a-z0-9]{1,8}){0,2}$/); // with a dot it would be a registry
    const name = fc.stringMatching(/^[a-z0-9]{1,8}([._-][a-z0-9]{1,8}){0,2}$/);
    const registry = fc.constantFrom('', 'docker.io/', 'localhost/', 'r.example:80/', '[::1]:5000/', 'Host/');
    const tag = fc.option(fc.stringMatching(/^\w[\w.-]{0,20}$/), { nil: undefined });
    const path = fc.tuple(first, fc.array(name, { maxLength: 3 })).map(([first, rest]) => [first, ...rest]);
    fc.assert(
      fc.property(registry, path, tag, fc.boolean(), (registry, path, tag, pinned) => {
        const text = `${registry}${path.join('/')}${tag === undefined ? '' : `:${tag}`}${pinned ? `@${digest}` : ''}`;
        const reference = parseReference(text);
        assert.deepEqual(parseReference(canonical(reference)), reference);
        assert.deepEqual(parseReference(familiar(reference)), reference);
      }),
    );
  });

  it('either refuses with a GantryError or gives a stable value, whatever the text', () => {
    const character = fc.constantFrom('a', 'A', '0', '.', '_', '-', '/', ':', '@', '[', ']', ' ', 'é', '\n');
    fc.assert(
      fc.property(fc.string({ unit: character, maxLength: 30 }), (text) => {
        try {
          const reference = parseReference(text);
          assert.deepEqual(parseReference(canonical(reference)), reference);
        } catch (error) {
          assert.ok(error instanceof GantryError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('tags', () => {
  const alpine = parseReference('alpine');

  it('defaults to latest only where neither tag nor digest is given', () => {
    assert.equal(familiar(withDefaultTag(alpine)), 'alpine:latest');
    assert.equal(familiar(withDefaultTag(parseReference(`alpine@${digest}`))), `alpine@${digest}`);
  });

  it('takes the API parameter as digest or tag', () => {
    assert.equal(familiar(withTagOrDigest(alpine, digest)), `alpine@${digest}`);
    assert.equal(familiar(withTagOrDigest(alpine, '3.19')), 'alpine:3.19');
    assert.throws(() => withTag(alpine, 'a b'), { kind: 'invalid', message: 'invalid tag format' });
  });
});
