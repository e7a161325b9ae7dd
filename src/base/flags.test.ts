import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { flagHelp, wrapText } from './flagHelp.ts';
import {
  bytesFlag,
  commaListFlag,
  countFlag,
  durationFlag,
  integerFlag,
  listFlag,
  mapFlag,
  parseFlags,
  splitArguments,
  switchFlag,
  textFlag,
  unsignedFlag,
} from './flags.ts';

const set = {
  rm: switchFlag('Remove it'),
  interactive: switchFlag('Keep stdin open', { short: 'i' }),
  tty: switchFlag('Allocate a terminal', { short: 't' }),
  'sig-proxy': switchFlag('Proxy signals', { initial: true }),
  env: listFlag('Set variables', { short: 'e' }),
  name: textFlag('Name it'),
  pull: textFlag('When to pull', { initial: 'missing' }),
  memory: textFlag('Memory limit', { short: 'm', type: 'bytes' }),
  last: integerFlag('Show n last', { short: 'n', initial: -1 }),
  weight: unsignedFlag('Weight', 65535, { type: 'uint16' }),
  verbose: countFlag('Say more', { short: 'v' }),
  sysctl: mapFlag('Kernel settings'),
  platform: commaListFlag('Platforms'),
  old: textFlag('Old', { deprecated: 'use --name instead' }),
  secret: switchFlag('Not shown', { hidden: true }),
};

const parse = (...args: string[]) => parseFlags(set, args, { stopAtPositional: true });

function failure(...args: string[]): string {
  try {
    parse(...args);
  } catch (error) {
    return (error as Error).message;
  }
  return 'no error';
}

test('switches combine, take a value only after an equals sign, and can be switched off', () => {
  const { values, positionals } = parse('-it', '--rm=false', '--sig-proxy=0', 'alpine', '-x', '--rm');
  assert.deepEqual([values.interactive, values.tty, values.rm, values['sig-proxy']], [true, true, false, false]);
  assert.deepEqual(positionals, ['alpine', '-x', '--rm']);
  assert.equal(parse('-it=false').values.tty, false);
  assert.equal(parse('-it=false').values.interactive, true);
});

test('a flag that needs a value takes the next argument whatever it looks like', () => {
  assert.deepEqual(parse('-e', '-x', '-eA=1', '--env', '--rm', '-e=B').values.env, ['-x', 'A=1', '--rm', 'B']);
  assert.equal(parse('--name', '--', 'alpine').values.name, '--');
  assert.equal(parse('-m=', 'alpine').values.memory, '=');
  assert.equal(parse('--name=').values.name, '');
  assert.deepEqual(parse('-itm5m').values.memory, '5m');
});

test('two dashes end the flags; a single dash is a positional', () => {
  assert.deepEqual(parse('--rm', '--', '--tty', '-').positionals, ['--tty', '-']);
  assert.deepEqual(parseFlags(set, ['-', 'a', '--rm', 'b']).positionals, ['-', 'a', 'b']);
});

test('lists, maps, counts and numbers', () => {
  assert.deepEqual(parse('--platform', 'a,b', '--platform=c').values.platform, ['a', 'b', 'c']);
  const sysctl = parse('--sysctl', 'a=1=2', '--sysctl', 'b', '--sysctl=a=3').values.sysctl;
  assert.deepEqual(
    [...sysctl],
    [
      ['a', '3'],
      ['b', ''],
    ],
  );
  assert.equal(parse('-vvv').values.verbose, 3);
  assert.equal(parse('-n0x10').values.last, 16);
  assert.equal(parse('-n', '-3').values.last, -3);
  assert.equal(parse('-n', '010').values.last, 8);
  assert.ok(Object.is(parse('-n', '-0').values.last, 0));
});

test('errors are worded as users know them', () => {
  assert.equal(failure('--foo=1'), 'unknown flag: --foo');
  assert.equal(failure('--constructor'), 'unknown flag: --constructor');
  assert.equal(failure('-itz'), "unknown shorthand flag: 'z' in -z");
  assert.equal(failure('--name'), 'flag needs an argument: --name');
  assert.equal(failure('-ite'), "flag needs an argument: 'e' in -e");
  assert.equal(failure('--=x'), 'bad flag syntax: --=x');
  assert.equal(failure('---x'), 'bad flag syntax: ---x');
  assert.equal(
    failure('--rm=x'),
    'invalid argument "x" for "--rm" flag: strconv.ParseBool: parsing "x": invalid syntax',
  );
  assert.equal(
    failure('-nx'),
    'invalid argument "x" for "-n, --last" flag: strconv.ParseInt: parsing "x": invalid syntax',
  );
  assert.match(failure('--weight=70000'), /ParseUint: parsing "70000": value out of range$/);
  assert.match(failure('--weight=-1'), /ParseUint: parsing "-1": invalid syntax$/);
});

test('the first mistake in the order typed is the one told', () => {
  assert.match(failure('-nx', '--foo'), /^invalid argument "x"/);
  assert.equal(failure('--foo', '-nx'), 'unknown flag: --foo');
});

test('what was given is known, and deprecated flags warn', () => {
  const { changed, warnings } = parse('--rm=false', '--old=1');
  assert.deepEqual([...changed].sort(), ['old', 'rm']);
  assert.deepEqual(warnings, ['Flag --old has been deprecated, use --name instead']);
});

test('help has two columns, sorted, without hidden flags', () => {
  assert.equal(
    flagHelp({ rm: set.rm, last: set.last, pull: set.pull, secret: set.secret }, 79),
    [
      '  -n, --last int      Show n last (default -1)',
      '      --pull string   When to pull (default "missing")',
      '      --rm            Remove it',
      '',
    ].join('\n'),
  );
});

const word = fc.string({ unit: fc.constantFrom('-', '=', 'i', 't', 'e', 'n', 'v', 'rm', 'name', '1', 'ü') });

test('property: splitting never throws, and every positional was an argument', () => {
  fc.assert(
    fc.property(fc.array(word), fc.boolean(), (args, stopAtPositional) => {
      const typed = splitArguments(set, args, { stopAtPositional });
      for (const positional of typed.positionals) assert.ok(args.includes(positional));
      for (const { name } of typed.flags) assert.ok(Object.hasOwn(set, name));
    }),
  );
});

test('property: after --, arguments come through untouched', () => {
  fc.assert(
    fc.property(fc.array(fc.string()), (args) => {
      assert.deepEqual(parse('-it', '--', ...args).positionals, args);
      assert.deepEqual(parse('-it', 'image', ...args).positionals, ['image', ...args]);
    }),
  );
});

test('property: any value survives all four spellings', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), (value) => {
      assert.equal(parse('--name', value).values.name, value);
      assert.equal(parse(`--name=${value}`).values.name, value);
      assert.equal(parse('-m', value).values.memory, value);
      assert.equal(parse(`-m=${value}`).values.memory, value);
    }),
  );
});

test('property: wrapping loses nothing but blanks and keeps lines within the width where blanks allow', () => {
  const text = fc
    .array(fc.stringMatching(/^[a-z]{1,9}$/), { minLength: 1, maxLength: 30 })
    .map((words) => words.join(' '));
  fc.assert(
    fc.property(text, fc.integer({ min: 24, max: 80 }), (value, width) => {
      const lines = wrapText(value, width);
      assert.equal(lines.join(' '), value);
      for (const line of lines) assert.ok(line.length < width);
    }),
  );
});

test('sizes and durations', () => {
  const units = { memory: bytesFlag('Limit', { short: 'm' }), interval: durationFlag('Interval') };
  const { values } = parseFlags(units, ['-m', '1.5k', '--interval=1m30s']);
  assert.deepEqual([values.memory, values.interval], [1536, 90_000_000_000n]);
  assert.throws(() => parseFlags(units, ['-mx']), {
    message: 'invalid argument "x" for "-m, --memory" flag: invalid size: \'x\'',
  });
});
