import assert from 'node:assert/strict';
import { test } from 'node:test';

import { attributeChoice, chooseAttributes } from './attributes.ts';
import { checkLogConfig, parseLogConfig } from './logConfig.ts';
import { aSubject } from './testSubject.ts';

const unset = { tag: undefined, bufferBytes: undefined };
const chosenNothing = { labels: [], labelPattern: undefined, environment: [], environmentPattern: undefined };

function bufferOf(Config: Record<string, string>): number | undefined {
  return parseLogConfig({ Config }).bufferBytes;
}

function syslogOf(Config: Record<string, string>): Record<string, unknown> {
  const settings = parseLogConfig({ Type: 'syslog', Config });
  return settings.driver === 'syslog' ? { ...settings.syslog, tls: undefined } : {};
}

test('the default is json-file, rotated at 10 MB, three files', () => {
  const files = { maxSizeBytes: 10_000_000, maxFiles: 3, compress: false };
  const settings = { driver: 'json-file', files, attributes: chosenNothing, ...unset };
  assert.deepEqual(parseLogConfig(undefined), settings);
  assert.deepEqual(parseLogConfig({ Type: '', Config: {} }), settings);
  assert.deepEqual(parseLogConfig({ Config: { 'max-size': '-1', 'max-file': '5', mode: 'blocking', labels: 'a,b' } }), {
    ...settings,
    files: { maxSizeBytes: undefined, maxFiles: 5, compress: false },
    attributes: { ...chosenNothing, labels: ['a', 'b'] },
  });
});

test('local keeps five compressed files of 20 MiB; what is only passed on is kept so too, unless it is not wanted', () => {
  const files = { maxSizeBytes: 20 * 1024 * 1024, maxFiles: 5, compress: true };
  assert.deepEqual(parseLogConfig({ Type: 'local' }), { driver: 'local', files, ...unset });
  const journald = { driver: 'journald', attributes: chosenNothing, ...unset };
  assert.deepEqual(parseLogConfig({ Type: 'journald', Config: {} }), { ...journald, cache: files });
  assert.deepEqual(parseLogConfig({ Type: 'journald', Config: { 'cache-disabled': 'true' } }), {
    ...journald,
    cache: undefined,
  });
  const own = { 'cache-max-size': '1k', 'cache-max-file': '2', 'cache-compress': 'false' };
  assert.deepEqual(parseLogConfig({ Type: 'journald', Config: own }), {
    ...journald,
    cache: { maxSizeBytes: 1000, maxFiles: 2, compress: false },
  });
});

test('mode=non-blocking has a buffer of 1 MiB or of what is asked for', () => {
  assert.equal(bufferOf({ mode: 'non-blocking' }), 1 << 20);
  assert.equal(bufferOf({ mode: 'non-blocking', 'max-buffer-size': '4k' }), 4096);
  assert.equal(bufferOf({ mode: 'blocking' }), undefined);
});

test('what is wrong with the names and the mode is refused at the create', () => {
  const cases: [string, Record<string, string>, string][] = [
    ['nope', {}, 'error looking up logging plugin nope: plugin "nope" not found'],
    ['constructor', {}, 'error looking up logging plugin constructor: plugin "constructor" not found'],
    ['json-file', { colour: 'x' }, "unknown log opt 'colour' for json-file log driver"],
    ['local', { tag: 'x' }, "unknown log opt 'tag' for log driver local"],
    ['syslog', { 'cache-foo': 'x' }, "unknown log opt 'cache-foo' for syslog log driver"],
    ['journald', { 'max-size': '1k' }, "unknown log opt 'max-size' for journald log driver"],
    ['json-file', { mode: 'maybe' }, 'logger: logging mode not supported: maybe'],
    ['local', { 'max-buffer-size': '1m' }, "logger: max-buffer-size option is only supported with 'mode=non-blocking'"],
    [
      'syslog',
      { mode: 'non-blocking', 'max-buffer-size': 'zz' },
      "error parsing option max-buffer-size: invalid size: 'zz'",
    ],
    ['syslog', { 'cache-disabled': 'zz' }, 'invalid value for option cache-disabled: zz'],
    ['syslog', { 'syslog-address': 'foo' }, 'syslog-address should be in form proto://address, got foo'],
    ['syslog', { 'syslog-address': 'http://x' }, 'syslog-address should be in form proto://address, got http://x'],
    ['syslog', { 'syslog-address': 'unix:///nowhere' }, 'stat /nowhere: no such file or directory'],
    ['syslog', { 'syslog-facility': '99' }, 'invalid syslog facility'],
    ['syslog', { 'syslog-format': 'foo' }, 'Invalid syslog format'],
  ];
  for (const [Type, Config, message] of cases) {
    assert.throws(() => checkLogConfig({ Type, Config }), { kind: 'invalid', message });
  }
  for (const Type of ['fluentd', 'gelf', 'awslogs', 'splunk', 'gcplogs']) {
    assert.throws(() => checkLogConfig({ Type }), {
      kind: 'notImplemented',
      message: `the log driver '${Type}' is not implemented`,
    });
  }
  assert.doesNotThrow(() => checkLogConfig({ Type: 'none', Config: { whatever: 'x' } }));
  assert.doesNotThrow(() => checkLogConfig({ Config: { 'cache-disabled': 'true', 'cache-max-size': '1k' } }));
});

test('what is wrong with the values is known when the container starts', () => {
  const cases: [string, Record<string, string>, string][] = [
    ['json-file', { 'max-size': '0' }, 'max-size must be a positive number'],
    ['json-file', { 'max-size': 'big' }, "invalid size: 'big'"],
    ['json-file', { 'max-file': '0' }, 'max-file cannot be less than 1'],
    ['json-file', { 'max-file': 'zz' }, 'strconv.Atoi: parsing "zz": invalid syntax'],
    ['json-file', { compress: 'zz' }, 'strconv.ParseBool: parsing "zz": invalid syntax'],
    [
      'json-file',
      { 'max-file': '1', compress: 'true' },
      'compress cannot be true when max-file is less than 2 or max-size is not set',
    ],
    ['json-file', { 'labels-regex': '[' }, 'error parsing regexp: missing closing ]: `[`'],
    ['local', { 'max-size': 'zz' }, "invalid value for max-size: zz: invalid size: 'zz'"],
    ['local', { 'max-file': '1' }, 'compression cannot be enabled when max file count is 1'],
    ['local', { compress: 'zz' }, 'error reading compress log option: strconv.ParseBool: parsing "zz": invalid syntax'],
    ['local', { 'max-file': '0', compress: 'false' }, 'max file count cannot be less than 1'],
  ];
  for (const [Type, Config, message] of cases) {
    assert.doesNotThrow(() => checkLogConfig({ Type, Config }));
    assert.throws(() => parseLogConfig({ Type, Config }), { message });
  }
});

test('syslog addresses, facilities and formats', () => {
  const base = { facility: 3, format: 'unix', tls: undefined };
  assert.deepEqual(syslogOf({}), { ...base, address: { transport: 'host' } });
  const addresses: [string, string, number][] = [
    ['udp://1.2.3.4', '1.2.3.4', 514],
    ['udp://log.example:1514', 'log.example', 1514],
    ['udp://[::1]:99', '::1', 99],
  ];
  for (const [text, host, port] of addresses) {
    const expected = { ...base, address: { transport: 'udp', host, port } };
    assert.deepEqual(syslogOf({ 'syslog-address': text }), expected);
  }
  assert.deepEqual(
    syslogOf({ 'syslog-address': 'tcp+tls://h:6514', 'syslog-facility': 'local3', 'syslog-format': 'rfc5424micro' }),
    { address: { transport: 'tcp+tls', host: 'h', port: 6514 }, facility: 19, format: 'rfc5424micro', tls: undefined },
  );
  assert.equal(syslogOf({ 'syslog-facility': '4' })['facility'], 4);
});

test('attributes come from labels and environment, by name and by pattern', () => {
  const subject = aSubject({
    labels: { tier: 'front', 'com.example.team': 'a', other: 'x' },
    environment: ['A=1', 'BB=2', 'A=3=4', 'APP_X=y', 'APP_Y=z'],
  });
  const choose = (options: Record<string, string>): Record<string, string> =>
    chooseAttributes(attributeChoice(options), subject);
  assert.deepEqual(choose({ labels: 'tier,constructor', env: 'A,B' }), { tier: 'front', A: '3=4' });
  assert.deepEqual(choose({ 'labels-regex': '^com\\.', 'env-regex': '(?i)^app_(?P<rest>x)' }), {
    'com.example.team': 'a',
    APP_X: 'y',
  });
  assert.deepEqual(choose({}), {});
});

test('a pattern whose match would take for ever is refused', () => {
  const subject = aSubject({ labels: { [`${'a'.repeat(64)}!`]: 'x' } });
  assert.throws(() => chooseAttributes(attributeChoice({ 'labels-regex': '^(a+)+$' }), subject), {
    message: 'error matching regexp: `^(a+)+$` takes more than 1000 ms',
  });
});
