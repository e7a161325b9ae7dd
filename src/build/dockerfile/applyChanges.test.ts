import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import type { ContainerConfig } from '../../api/index.ts';
import { GantryError, isKind } from '../../base/index.ts';
import { applyChanges } from './applyChanges.ts';

const before: ContainerConfig = {
  Env: ['A=1', 'PATH=/bin'],
  Cmd: ['sh'],
  Labels: { x: 'y' },
  WorkingDir: '/srv',
};

/** What the lines change of `before`. */
function changed(...lines: string[]): Partial<ContainerConfig> {
  const after = applyChanges(before, lines);
  return Object.fromEntries(
    Object.entries(after).filter(([key, value]) => before[key as keyof ContainerConfig] !== value),
  );
}

test('instructions change the configuration as dockerd changes it', () => {
  const cases: [lines: string | string[], expected: Partial<ContainerConfig>][] = [
    ['CMD echo hi', { Cmd: ['/bin/sh', '-c', 'echo hi'] }],
    ['CMD echo $HOME ${A}', { Cmd: ['/bin/sh', '-c', 'echo $HOME ${A}'] }],
    ['CMD [ "a", "b" ]', { Cmd: ['a', 'b'] }],
    ['CMD', { Cmd: ['/bin/sh', '-c'] }],
    ['ENTRYPOINT ["a",', { Entrypoint: ['/bin/sh', '-c', '["a",'], Cmd: undefined }],
    ['ENTRYPOINT ["a"]', { Entrypoint: ['a'], Cmd: undefined }],
    [['ENTRYPOINT ["a"]', 'cmd ["b"]'], { Entrypoint: ['a'], Cmd: ['b'] }],
    ['ENV A B c', { Env: ['A=B c', 'PATH=/bin'] }],
    ['ENV a=b c="d e" A=\\ 2', { Env: ['A= 2', 'PATH=/bin', 'a=b', 'c=d e'] }],
    ['ENV X=$A-${B:-no}-${A:+yes}-${B}', { Env: ['A=1', 'PATH=/bin', 'X=1-no-yes-'] }],
    ['ENV A=2 B=$A', { Env: ['A=2', 'PATH=/bin', 'B=1'] }],
    [['ENV A=2', 'ENV B=$A'], { Env: ['A=2', 'PATH=/bin', 'B=2'] }],
    [`ENV Q='$A' R="\\$A" S=\\$A`, { Env: ['A=1', 'PATH=/bin', 'Q=$A', 'R=$A', 'S=$A'] }],
    ['LABEL a=b=c "d e"=f', { Labels: { x: 'y', a: 'b=c', 'd e': 'f' } }],
    ['EXPOSE 80 90/udp 100-102', { ExposedPorts: ports('80/tcp', '90/udp', '100/tcp', '101/tcp', '102/tcp') }],
    ['EXPOSE 8080:80 $A', { ExposedPorts: ports('80/tcp', '1/tcp') }],
    ['VOLUME /a /b', { Volumes: ports('/a', '/b') }],
    ['VOLUME ["/c d"]', { Volumes: ports('/c d') }],
    ['VOLUME [', { Volumes: ports('[') }],
    ['WORKDIR sub', { WorkingDir: '/srv/sub' }],
    [['WORKDIR /a/../b', 'WORKDIR c'], { WorkingDir: '/b/c' }],
    ['USER a b', { User: 'a b' }],
    ['STOPSIGNAL SIGINT', { StopSignal: 'SIGINT' }],
    ['HEALTHCHECK none', { Healthcheck: { Test: ['NONE'] } }],
    [
      'HEALTHCHECK --interval=5s --retries=3 CMD ["a", "b"]',
      { Healthcheck: { Test: ['CMD', 'a', 'b'], Interval: 5_000_000_000, Retries: 3 } },
    ],
    ['HEALTHCHECK CMD true && x', { Healthcheck: { Test: ['CMD-SHELL', 'true && x'] } }],
    [['ONBUILD RUN ls', 'ONBUILD COPY --from=x'], { OnBuild: ['RUN ls', 'COPY --from=x'] }],
    ['  # a comment\n\nENV \\\n# inside\n\n  B=2\\\n3\nUSER u', { Env: ['A=1', 'PATH=/bin', 'B=23'], User: 'u' }],
    ['# escape=`\nENV B=c:\\d`\n e=1', { Env: ['A=1', 'PATH=/bin', 'B=c:\\d', 'e=1'] }],
  ];
  for (const [lines, expected] of cases) assert.deepEqual(changed(...[lines].flat()), expected, String(lines));
  assert.equal(applyChanges(before, []), before);
});

function ports(...names: string[]): Record<string, Record<string, never>> {
  return Object.fromEntries(names.map((name) => [name, {}]));
}

test('what no configuration can take is refused in the words that Docker users know', () => {
  const cases: [line: string, message: string][] = [
    ['SHELL ["a"]', 'shell is not a valid change command'],
    ['RUN ls', 'run is not a valid change command'],
    ['constructor', 'constructor is not a valid change command'],
    ['ENV', 'ENV requires at least one argument'],
    ['ENV a', 'ENV must have two arguments'],
    ['ENV a=b c', `Syntax error - can't find = in "c". Must be of the form: name=value`],
    ['ENV =b', 'ENV names can not be blank'],
    ['LABEL a', 'LABEL must have two arguments'],
    ['EXPOSE xx', 'invalid containerPort: xx'],
    ['EXPOSE 70000', 'invalid containerPort: 70000'],
    ['EXPOSE 80/xyz', 'invalid proto: xyz'],
    ['VOLUME', 'VOLUME requires at least one argument'],
    ['VOLUME [""]', 'VOLUME specified can not be an empty string'],
    ['WORKDIR', 'WORKDIR requires exactly one argument'],
    ['WORKDIR ""', 'cannot normalize nothing'],
    ['USER', 'USER requires exactly one argument'],
    ['HEALTHCHECK', 'HEALTHCHECK requires at least one argument'],
    ['HEALTHCHECK foo', 'Unknown type "FOO" in HEALTHCHECK (try CMD)'],
    ['HEALTHCHECK CMD', 'Missing command after HEALTHCHECK CMD'],
    ['HEALTHCHECK --interval=1us CMD a', 'Interval "interval" cannot be less than 1ms'],
    ['HEALTHCHECK --retries=x CMD a', 'strconv.ParseInt: parsing "x": invalid syntax'],
    ['HEALTHCHECK --foo=5 CMD a', 'unknown flag: --foo'],
    ['CMD --foo a', 'unknown flag: --foo'],
    ['ENTRYPOINT ["a", 1]', 'when using JSON array syntax, arrays must be comprised of strings only'],
    ['ONBUILD', 'ONBUILD requires at least one argument'],
    ['ONBUILD ONBUILD x', "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"],
    ['ONBUILD from x', "FROM isn't allowed as an ONBUILD trigger"],
    ['', 'file with no instructions'],
    ['# comment', 'file with no instructions'],
    ['ENV a="b', `failed to process "\\"b": unexpected end of statement while looking for matching double-quote`],
    ['ENV a=${b', `failed to process "\${b": syntax error: missing '}'`],
    ['ENV a=${b%c}', 'failed to process "${b%c}": unsupported modifier (%) in substitution'],
    ['ENV a=${b:?gone}', 'failed to process "${b:?gone}": b: gone'],
    ['# escape=x\nUSER a', "invalid escape token 'x' does not match ` or \\"],
  ];
  for (const [line, message] of cases)
    assert.throws(
      () => applyChanges(before, [line]),
      (error) => isKind(error, 'invalid') && error.message === message,
      `${line}: ${message}`,
    );
  assert.throws(() => applyChanges(before, ['STOPSIGNAL nothing']), GantryError);
});

test('any text is applied or refused, and a variable holds what was quoted', () => {
  const name = fc.constantFrom('ENV', 'LABEL', 'CMD', 'EXPOSE', 'VOLUME', 'HEALTHCHECK', 'ONBUILD', 'USER', 'WORKDIR');
  const noise = fc.string({ unit: fc.constantFrom(...'ab=1 \\\n\t"\'${}:-+[],#`'.split('')) });
  fc.assert(
    fc.property(name, noise, (instruction, rest) => {
      try {
        applyChanges(before, [`${instruction} ${rest}`]);
      } catch (error) {
        assert.ok(error instanceof GantryError, String(error));
      }
    }),
  );
  fc.assert(
    fc.property(
      fc.string().filter((text) => !/['\n\r]/.test(text)),
      (text) => {
        assert.equal(applyChanges({}, [`ENV a='${text}'`]).Env?.[0], `a=${text}`);
      },
    ),
  );
});
