/** Log drivers and their options, and what `logs` makes of them. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { suite, test, type TestContext } from 'node:test';

import { eventually } from '../support/run.ts';
import {
  alpine,
  api,
  background,
  docker,
  dockerInBackground,
  failureOf,
  inspect,
  library,
  release,
  reserve,
  stdoutOf,
} from './harness.ts';

/** Runs a script to its end in a container that stays; gives its name. */
async function ran(t: TestContext, options: readonly string[], script: string): Promise<string> {
  const name = reserve(t);
  await stdoutOf(['run', '--name', name, ...options, library('alpine'), 'sh', '-c', script]);
  return name;
}

function opts(options: Record<string, string>): string[] {
  return Object.entries(options).flatMap(([key, value]) => ['--log-opt', `${key}=${value}`]);
}

/** What a syslog server over UDP on this host was sent. */
async function syslogServer(t: TestContext): Promise<{ address: string; received: string[] }> {
  const socket = createSocket('udp4');
  t.after(() => socket.close());
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const received: string[] = [];
  socket.on('message', (data) => received.push(data.toString()));
  return { address: `udp://127.0.0.1:${socket.address().port}`, received };
}

/** A moment as `logs -t` tells it, some nanoseconds later, in seconds since the epoch. */
function seconds(at: string | undefined, laterNs: bigint): string {
  const [stem = '', fraction = ''] = (at ?? '').slice(0, -1).split('.');
  const timeNs = BigInt(Date.parse(`${stem}Z`)) * 1_000_000n + BigInt(fraction) + laterNs;
  return `${timeNs / 1_000_000_000n}.${String(timeNs % 1_000_000_000n).padStart(9, '0')}`;
}

const numbered = 'i=0; while [ $i -lt 1500 ]; do i=$((i+1)); echo "line $i of a log that is rotated"; done';
const allNumbered = Array.from({ length: 1500 }, (_, index) => `line ${index + 1} of a log that is rotated`);

suite('logs', { concurrency: 3 }, () => {
  for (const driver of ['json-file', 'local']) {
    test(`the driver ${driver} keeps both streams`, async (t) => {
      const name = await ran(t, ['--log-driver', driver], 'echo out; sleep 0.1; echo "e\\"r\\\\r" >&2; printf rest');
      const result = await docker(['logs', name]);
      assert.deepEqual([result.stdout, result.stderr], ['out\nrest', 'e"r\\r\n']);
      assert.equal(await stdoutOf(['logs', '-n', '1', name]), 'rest');
      assert.match(await stdoutOf(['logs', '-t', '--tail=1', name]), /^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{9}Z rest$/);
      assert.equal(await inspect(name, '{{.HostConfig.LogConfig.Type}}'), driver);
      assert.equal((await inspect(name, '{{.LogPath}}')) !== '', driver === 'json-file');
      await stdoutOf(['start', '-a', name]);
      assert.equal(await stdoutOf(['logs', name]), 'out\nrestout\nrest', 'a second run goes on in it');
    });

    for (const compress of ['false', 'true']) {
      test(`rotation keeps the newest lines, ${driver}, compress=${compress}`, async (t) => {
        const options = opts({ 'max-size': '20k', 'max-file': '3', compress });
        const name = await ran(t, ['--log-driver', driver, ...options], numbered);
        const kept = (await stdoutOf(['logs', name])).split('\n');
        assert.ok(kept.length > 100 && kept.length < 1500, `${kept.length} lines`);
        assert.deepEqual(kept, allNumbered.slice(-kept.length));
        assert.deepEqual((await stdoutOf(['logs', '-n', '50', name])).split('\n'), allNumbered.slice(-50));
      });
    }
  }

  test('a line of 40,000 bytes comes whole', async (t) => {
    const name = await ran(t, [], 'head -c 40000 /dev/zero | tr "\\0" x; echo; echo next');
    const log = await stdoutOf(['logs', name]);
    assert.ok(log === `${'x'.repeat(40_000)}\nnext`, `${log.length} bytes`);
    const stamped = await stdoutOf(['logs', '-t', name]);
    assert.equal(stamped.length - log.length, 4 * 31, 'each part has its time');
  });

  test('labels, variables and a tag stand with each line', async (t) => {
    const options = opts({ labels: 'tier,none', env: 'A', 'env-regex': '^B_', tag: '{{.Name}}/{{.ImageName}}' });
    const settings = ['--label', 'tier=front end', '-e', 'A=1', '-e', 'B_X=y=z', '-e', 'C=3'];
    const name = await ran(t, [...settings, ...options], 'echo hi');
    const tag = encodeURIComponent(`${name}/${library('alpine')}`);
    const attributes = ['A=1', 'B_X=y%3Dz', `tag=${tag}`, 'tier=front+end'];
    assert.equal(await stdoutOf(['logs', '--details', name]), `${attributes.join(',')} hi`);
    const bare = await ran(t, [], 'echo hi');
    assert.equal(await stdoutOf(['logs', '--details', bare]), ' hi');
  });

  test('--since and --until take what logs -t shows, and other forms', async (t) => {
    const name = await ran(t, [], 'for i in 1 2 3; do echo $i; sleep 0.5; done');
    const times = (await stdoutOf(['logs', '-t', name])).split('\n').map((line) => line.split(' ')[0] ?? '');
    assert.equal(await stdoutOf(['logs', '--since', times[1] ?? '', name]), '2\n3');
    assert.equal(await stdoutOf(['logs', '--until', times[1] ?? '', name]), '1\n2');
    assert.equal(await stdoutOf(['logs', '--since', seconds(times[1], 0n), name]), '2\n3');
    assert.equal(await stdoutOf(['logs', '--since', seconds(times[1], 1n), name]), '3');
    assert.equal(await stdoutOf(['logs', '--until', seconds(times[1], -1n), name]), '1');
    assert.equal(await stdoutOf(['logs', '--since', '1h', name]), '1\n2\n3');
    assert.equal(await stdoutOf(['logs', '--until', '1h', name]), '');
    assert.equal(await stdoutOf(['logs', '--since', '2013-01-02', '--until', '2013-01-02T15:04Z', name]), '');
    assert.match(
      await failureOf(1, ['logs', '--since', '5d', name]),
      /^invalid value for "since": failed to parse value as time or duration: "5d"$/m,
    );
    assert.match(
      await failureOf(1, ['logs', '--until', '2013-13-01', name]),
      /^invalid value for "until": parsing time "2013-13-01": month out of range$/m,
    );
  });

  test('a terminal has one stream, kept as it is', async (t) => {
    const name = await ran(t, ['-t'], 'echo one; echo two >&2');
    const result = await docker(['logs', name]);
    assert.deepEqual([result.stdout, result.stderr], ['one\r\ntwo\r\n', '']);
  });

  test('a follower ends when its container is removed', async (t) => {
    const name = await background(t, [], 'sh', '-c', 'echo here; sleep 600');
    const follower = dockerInBackground(t, ['logs', '-f', name]);
    await follower.until(({ stdout }) => stdout === 'here\n');
    await stdoutOf(['rm', '-f', name]);
    const { stdout, stderr } = await follower.ended;
    assert.deepEqual([stdout, stderr], ['here\n', '']);
  });

  test('a container that does not run has nothing to follow', async (t) => {
    const name = await ran(t, [], 'echo over');
    assert.equal(await stdoutOf(['logs', '-f', name]), 'over');
    const created = reserve(t);
    await stdoutOf(['create', '--name', created, library('alpine')]);
    assert.equal(await stdoutOf(['logs', '-f', created]), '');
  });

  test('mode=non-blocking loses nothing while the log is quick enough', async (t) => {
    const options = opts({ mode: 'non-blocking', 'max-buffer-size': '4m' });
    const name = await ran(t, options, 'seq 1 2000');
    const expected = Array.from({ length: 2000 }, (_, index) => `${index + 1}`).join('\n');
    await eventually('all lines are there', async () => (await stdoutOf(['logs', name])) === expected);
  });

  test('syslog over UDP, and a copy for readers', async (t) => {
    const server = await syslogServer(t);
    const options = opts({ 'syslog-address': server.address, tag: 'app/{{.Name}}', 'syslog-facility': 'local7' });
    const name = await ran(t, ['--log-driver', 'syslog', ...options], 'echo one; echo; echo two >&2; printf rest');
    await eventually('the messages have come', () => server.received.length === 3);
    const sorted = server.received.map((message) => message.replace(/>.* app/, '> app').replace(/\[\d+\]/, '')).sort();
    assert.deepEqual(sorted, [`<187> app/${name}: two\n`, `<190> app/${name}: one\n`, `<190> app/${name}: rest\n`]);
    assert.match(server.received[0] ?? '', /^<\d+>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d app\//);
    const result = await docker(['logs', name]);
    assert.deepEqual([result.stdout, result.stderr], ['one\n\nrest', 'two\n']);
  });

  test('syslog in RFC 5424, without a copy', async (t) => {
    const server = await syslogServer(t);
    const options = opts({
      'syslog-address': server.address,
      'syslog-format': 'rfc5424micro',
      'cache-disabled': 'true',
    });
    const name = await ran(t, ['--log-driver', 'syslog', ...options], 'echo one');
    await eventually('the message has come', () => server.received.length === 1);
    const id = (await inspect(name, '{{.Id}}')).slice(0, 12);
    const form = new RegExp(`^<30>1 \\d{4}-\\d\\d-\\d\\dT[\\d:]{8}\\.\\d{6}\\S+ \\S+ ${id} \\d+ ${id} - one\\n$`);
    assert.match(server.received[0] ?? '', form);
    assert.match(await failureOf(1, ['logs', name]), /configured logging driver does not support reading$/m);
  });

  test('the driver none keeps nothing and says so', async (t) => {
    const name = await ran(t, ['--log-driver', 'none'], 'echo unseen');
    assert.match(await failureOf(1, ['logs', name]), /configured logging driver does not support reading$/m);
    const answer = await api('GET', `/containers/${name}/logs?stdout=1`);
    assert.equal(answer.status, 501);
  });

  test('drivers and options that cannot be are refused at the create', async () => {
    const cases: [string, Record<string, string>, RegExp][] = [
      ['nope', {}, /error looking up logging plugin nope: plugin "nope" not found$/m],
      ['json-file', { nope: '1' }, /unknown log opt 'nope' for json-file log driver$/m],
      ['local', { tag: 'x' }, /unknown log opt 'tag' for log driver local$/m],
      ['journald', { 'max-size': '1m' }, /unknown log opt 'max-size' for journald log driver$/m],
      ['json-file', { mode: 'x' }, /logger: logging mode not supported: x$/m],
      ['json-file', { 'max-buffer-size': '1m' }, /max-buffer-size option is only supported with 'mode=non-blocking'$/m],
      ['syslog', { 'syslog-address': 'foo' }, /syslog-address should be in form proto:\/\/address, got foo$/m],
      ['syslog', { 'syslog-facility': 'foo' }, /invalid syslog facility$/m],
      ['syslog', { 'syslog-format': 'foo' }, /Invalid syslog format$/m],
    ];
    for (const [driver, options, message] of cases) {
      const create = ['create', '--log-driver', driver, ...opts(options), library('alpine')];
      assert.match(await failureOf(1, create), message);
    }
  });

  test('values that are wrong are refused at the start, and by logs', async (t) => {
    const cases: [string, Record<string, string>, RegExp][] = [
      ['json-file', { 'max-size': 'zz' }, /failed to initialize logging driver: invalid size: 'zz'$/m],
      ['json-file', { compress: 'true', 'max-file': '1' }, /compress cannot be true when max-file is less than 2/],
      ['local', { 'max-file': '1' }, /compression cannot be enabled when max file count is 1$/m],
      ['json-file', { tag: '{{.Bad}}' }, /template: log-tag:1:2: .*can't evaluate field Bad/],
      ['json-file', { tag: '{{' }, /template: log-tag:1: unclosed action$/m],
      ['json-file', { 'env-regex': '[' }, /error parsing regexp: missing closing \]: `\[`$/m],
    ];
    for (const [driver, options, message] of cases) {
      const name = reserve(t);
      await stdoutOf(['create', '--name', name, '--log-driver', driver, ...opts(options), library('alpine')]);
      assert.match(await failureOf(1, ['start', name]), message);
      assert.match(await inspect(name, '{{.State.Error}}'), message);
    }
  });

  test('logs of many lines are the lines that were written', async (t) => {
    const name = await background(
      t,
      opts({ 'max-size': '100m' }),
      'sh',
      '-c',
      'seq 1 200000; until [ -e /go ]; do sleep 0.05; done',
    );
    const follower = dockerInBackground(t, ['logs', '-f', name]);
    const expected = `${Array.from({ length: 200_000 }, (_, index) => index + 1).join('\n')}\n`;
    await follower.until(({ stdout }) => stdout.length >= expected.length, 60_000);
    await release(name);
    const followed = await follower.ended;
    assert.ok(followed.stdout === expected, `${followed.stdout.length} bytes followed`);
    const { stdout } = await docker(['logs', name]);
    assert.ok(stdout === expected, `${stdout.length} bytes`);
    assert.equal(await alpine([], 'echo', 'alive'), 'alive');
  });
});
