import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { checkFormat, formatRows, GoStruct, inspectValue, Template, TemplateError } from './index.ts';

interface Recording {
  readonly format: string;
  readonly output?: string;
  readonly error?: string;
}

/**
 * What docker 28.2.2 printed for `ps -a --format FORMAT` on `rows` and for `container inspect --format FORMAT` on `data`, taken
 * from the stock client in front of a daemon that answers with just these.
 */
const recorded = JSON.parse(readFileSync(new URL('recorded.json', import.meta.url), 'utf8')) as {
  readonly rows: readonly Record<string, unknown>[];
  readonly labels: readonly Record<string, string>[];
  readonly ps: readonly Recording[];
  readonly data: unknown;
  readonly inspect: readonly Recording[];
};

const headers = {
  ID: 'CONTAINER ID',
  Names: 'NAMES',
  Image: 'IMAGE',
  Command: 'COMMAND',
  CreatedAt: 'CREATED AT',
  RunningFor: 'CREATED',
  Ports: 'PORTS',
  State: 'STATE',
  Status: 'STATUS',
  Size: 'SIZE',
  Labels: 'LABELS',
  Mounts: 'MOUNTS',
  LocalVolumes: 'LOCAL VOLUMES',
  Networks: 'NETWORKS',
  Platform: 'PLATFORM',
};

function containerRow(members: Record<string, unknown>, labels: Record<string, string>): GoStruct {
  const Label = (name: unknown): string => labels[String(name)] ?? '';
  return new GoStruct('*formatter.ContainerContext', { ...members, Label }, { isRow: true });
}

/** What a piece of work gave, or the text of the TemplateError that it threw. */
function outcome(format: string, work: () => string): Recording {
  try {
    return { format, output: work() };
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    return { format, error: error.message };
  }
}

test('listings come out as docker ps prints them', () => {
  const rows = recorded.rows.map((members, index) => containerRow(members, recorded.labels[index] ?? {}));
  const names = Object.keys(recorded.rows[0] ?? {});
  const emptyRow = containerRow(Object.fromEntries(names.map((name) => [name, ''])), {});
  assert.ok(recorded.ps.length > 60);
  for (const expected of recorded.ps) {
    const { format } = expected;
    const print = (): string => {
      checkFormat(format, emptyRow);
      return formatRows(format, rows, headers);
    };
    assert.deepEqual(outcome(format, print), expected);
  }
});

test('templates give what docker inspect gives', () => {
  assert.ok(recorded.inspect.length > 170);
  for (const expected of recorded.inspect) {
    const print = (): string =>
      new Template(expected.format).execute(inspectValue(recorded.data), { missingKeyIsError: true });
    assert.deepEqual(outcome(expected.format, print), expected);
  }
});

test('fields that an answer leaves out are no error where docker knows them', () => {
  const answer = { State: { Pid: 1 }, HostConfig: {}, Config: { Labels: null } };
  const print = (source: string): string =>
    new Template(source).execute(inspectValue(answer), { missingKeyIsError: true });
  assert.equal(print('{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}'), 'none');
  assert.equal(
    print('{{json .}} {{.Config.Labels}} {{.HostConfig.Init}}'),
    `${JSON.stringify(answer)} map[] <no value>`,
  );
  assert.throws(() => print('{{.State.Nope}}'), /map has no entry for key "Nope"/);
});

test('without rows a table has its header, and errors come before any output', () => {
  assert.equal(formatRows(String.raw`table {{.ID}}\t{{.Foo}}`, [], { ID: 'ID' }), 'ID        <no value>\n');
  assert.throws(() => formatRows('{{.Foo}}', [new GoStruct('*formatter.imageContext', {})], {}), {
    name: 'TemplateError',
    message:
      'template parsing error: template: :1:2: executing "" at <.Foo>: can\'t evaluate field Foo in type *formatter.imageContext',
  });
});

test('structs, maps and large numbers print as in Go', () => {
  const data = {
    struct: new GoStruct('types.T', { A: 1, B: 'x', C: () => [true] }),
    map: new Map<string, unknown>([
      ['b', 2n ** 62n],
      ['a', 1.5],
    ]),
    bytes: 536_870_912,
    float: 1_234_567.5,
    nothing: null,
  };
  const print = (source: string): string => new Template(source).execute(data);
  assert.equal(print('{{.struct}} {{.struct.C}} {{json .struct}}'), '{1 x [true]} [true] {"A":1,"B":"x","C":[true]}');
  assert.equal(print('{{.map}} {{json .map}}'), 'map[a:1.5 b:4611686018427387904] {"a":1.5,"b":4611686018427387904}');
  assert.equal(print('{{.bytes}} {{.float}} {{.nothing}} {{.missing}}'), '536870912 1.2345675e+06 <nil> <no value>');
  assert.throws(() => print('{{.nothing.x}}'), /nil pointer evaluating interface \{\}\.x/);
});

test('any text is parsed and executed, or refused with a TemplateError', () => {
  const pieces = [
    ...'{{ }} {{- -}} . .a .b.c $ $x := = | ( ) , "s" " ` \'c\' /* */ 0x _ é 😀 \\ @ 1 -2.5e3 nil true "%*d%[1]q"'.split(
      ' ',
    ),
    ...'if else end range with define block template break continue index slice printf len eq lt and or not json'.split(
      ' ',
    ),
    ...'split join pad truncate html js urlquery title'.split(' '),
    ' ',
    '\n',
    '\0',
  ];
  const data = { a: ['x', 1, null], b: { c: 'text' }, d: {} };
  const source = fc
    .array(fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 3 })))
    .map((parts) => parts.join(''));
  const action = fc.array(fc.constantFrom(...pieces)).map((parts) => `{{${parts.join(' ')}}}`);
  fc.assert(
    fc.property(fc.oneof(source, action), (text) => {
      outcome(text, () => new Template(text).execute(data));
      outcome(text, () => formatRows(`table ${text}`, [new GoStruct('row', data)], {}));
    }),
    { numRuns: 2000 },
  );
});

test('deep nesting is refused instead of exhausting the stack', () => {
  for (const text of [
    '{{'.concat('('.repeat(50_000)),
    '{{if true}}'.repeat(50_000),
    '{{if 1}}{{else if 1}}'.repeat(9000),
  ]) {
    assert.throws(() => new Template(text), TemplateError);
  }
  const chain = `{{if 0}}${'{{else if 0}}'.repeat(9000)}{{end}}`;
  assert.throws(() => new Template(chain), TemplateError);
  assert.throws(() => new Template('{{define "a"}}{{template "a"}}{{end}}{{template "a"}}').execute({}), {
    message: /exceeded maximum template depth/,
  });
});
