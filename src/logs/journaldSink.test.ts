import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { DatagramReceiver } from '../../test/support/datagrams.ts';
import { createContainerLog, type ContainerLog } from './index.ts';
import { fieldName } from './journaldSink.ts';
import { aSubject } from './testSubject.ts';

function directoryOf(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-journal-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A log whose driver is journald, and what stands in for the journal. */
function journaled(t: TestContext, Config: Record<string, string>): { log: ContainerLog; journal: DatagramReceiver } {
  const directory = directoryOf(t);
  const journal = new DatagramReceiver(join(directory, 'socket'));
  t.after(() => journal.close());
  const log = createContainerLog(
    { Type: 'journald', Config },
    {
      paths: { json: '', local: join(directory, 'local.log') },
      subject: () => aSubject({ labels: { tier: 'front' }, environment: ['_app.x=one\ntwo'] }),
      clock: () => 1_000_000_000n,
      journalSocket: journal.path,
    },
  );
  return { log, journal };
}

/** The fields of one entry, as the protocol has them. */
function fieldsOf(datagram: Buffer): Record<string, string> {
  const fields: Record<string, string> = {};
  for (let at = 0; at < datagram.length;) {
    const feed = datagram.indexOf(10, at);
    const line = datagram.toString('utf8', at, feed);
    const equals = line.indexOf('=');
    if (equals >= 0) {
      fields[line.slice(0, equals)] = line.slice(equals + 1);
      at = feed + 1;
    } else {
      const length = Number(datagram.readBigUInt64LE(feed + 1));
      fields[line] = datagram.toString('utf8', feed + 9, feed + 9 + length);
      at = feed + 9 + length + 1;
    }
  }
  return fields;
}

const own = {
  SYSLOG_TIMESTAMP: '1970-01-01T00:00:01Z',
  CONTAINER_ID: '0123456789ab',
  CONTAINER_ID_FULL: '0123456789abcdef'.repeat(4),
  CONTAINER_NAME: 'web',
  IMAGE_NAME: 'alpine:3',
};

test('an entry of the journal tells whose it is', async (t) => {
  const { log, journal } = journaled(t, { tag: '{{.Name}}!', labels: 'tier', 'env-regex': 'app' });
  const writer = await log.open();
  await writer.write('stdout', Buffer.from('one\n\n'));
  await writer.write('stderr', Buffer.from('bad\n'));
  await writer.close();
  const entries = journal.take().map(fieldsOf);
  const tagged = { ...own, CONTAINER_TAG: 'web!', SYSLOG_IDENTIFIER: 'web!', TIER: 'front', APP_X: 'one\ntwo' };
  assert.deepEqual(entries, [
    { ...tagged, PRIORITY: '6', MESSAGE: 'one' },
    { ...tagged, PRIORITY: '6', MESSAGE: '' },
    { ...tagged, PRIORITY: '3', MESSAGE: 'bad' },
  ]);
});

test('a long line comes in numbered parts, and readers have a copy of everything', async (t) => {
  const { log, journal } = journaled(t, {});
  const writer = await log.open();
  const text = `${'x'.repeat(40_000)}\nnext\nrest`;
  await writer.write('stdout', Buffer.from(text));
  await writer.close();
  const entries = journal.take().map(fieldsOf);
  assert.deepEqual(
    entries.map((entry) => [
      entry['MESSAGE']?.length,
      entry['CONTAINER_PARTIAL_ORDINAL'],
      entry['CONTAINER_PARTIAL_LAST'],
      entry['CONTAINER_PARTIAL_MESSAGE'],
    ]),
    [
      [16_384, '1', 'false', 'true'],
      [16_384, '2', 'false', 'true'],
      [7232, '3', 'true', undefined],
      [4, undefined, undefined, undefined],
      [4, '1', 'false', 'true'],
    ],
  );
  assert.equal(new Set(entries.slice(0, 3).map((entry) => entry['CONTAINER_PARTIAL_ID'])).size, 1);
  const options = { follow: false, sinceNs: undefined, untilNs: undefined, tail: undefined };
  const read = await Array.fromAsync(log.read(options, new AbortController().signal));
  assert.equal(Buffer.concat(read.map(({ data }) => data)).toString(), text);
});

test('a journal that is slow holds the writer up and loses nothing', async (t) => {
  const { log, journal } = journaled(t, { 'cache-disabled': 'true' });
  const writer = await log.open();
  const lines = Array.from({ length: 500 }, (_, index) => `line ${index}`);
  const writing = { isOver: false };
  const written = writer.write('stdout', Buffer.from(`${lines.join('\n')}\n`)).then(() => (writing.isOver = true));
  const messages: (string | undefined)[] = [];
  while (!writing.isOver) {
    messages.push(...journal.take().map((datagram) => fieldsOf(datagram)['MESSAGE']));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await written;
  await writer.close();
  messages.push(...journal.take().map((datagram) => fieldsOf(datagram)['MESSAGE']));
  assert.deepEqual(messages, lines);
});

test('a host without a journal refuses the start', async (t) => {
  const place = { paths: { json: '', local: '' }, subject: aSubject, journalSocket: join(directoryOf(t), 'none') };
  await assert.rejects(createContainerLog({ Type: 'journald' }, place).open(), {
    kind: 'internal',
    message: 'failed to initialize logging driver: journald is not enabled on this host',
  });
});

test('names of fields are what the journal takes', () => {
  assert.equal(fieldName('__com.example/x-1é'), 'COM_EXAMPLE_X_1_');
});
