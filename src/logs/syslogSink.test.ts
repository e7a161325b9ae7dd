import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';

import { DatagramReceiver } from '../../test/support/datagrams.ts';
import { createContainerLog, type ContainerLog } from './index.ts';
import { syslogMessage, type SyslogSender } from './syslogFormat.ts';
import { aSubject } from './testSubject.ts';

const noFiles = { json: '', local: '' };
const head = `[${process.pid}]: `;

function syslog(address: string, options: Record<string, string> = {}, patienceMs = 60_000): ContainerLog {
  const Config = { 'syslog-address': address, 'cache-disabled': 'true', ...options };
  return createContainerLog({ Type: 'syslog', Config }, { paths: noFiles, subject: aSubject, patienceMs });
}

function directoryOf(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-syslog-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A server over TCP or a socket in the file system; gives its address and what it was sent. */
class StreamServer {
  readonly sockets: Socket[] = [];
  text = '';
  readonly #server: Server;

  constructor(t: TestContext) {
    this.#server = createServer((socket) => {
      this.sockets.push(socket);
      socket.on('error', () => {});
      socket.on('data', (data) => (this.text += data.toString()));
    });
    t.after(() => {
      for (const socket of this.sockets) socket.destroy();
      this.#server.close();
    });
  }

  async listen(place: { port: number } | { path: string }): Promise<string> {
    this.#server.listen(place);
    await once(this.#server, 'listening');
    const address = this.#server.address();
    return typeof address === 'string' ? `unix://${address}` : `tcp://127.0.0.1:${(address as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.close();
    await once(this.#server, 'close');
  }

  async has(text: string): Promise<void> {
    while (!this.text.includes(text)) await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** The messages without their times. */
function messages(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replace(/[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d/, 'TIME'));
}

async function writeSome(log: ContainerLog): Promise<void> {
  const writer = await log.open();
  await writer.write('stdout', Buffer.from('one\n\ntw'));
  await writer.write('stderr', Buffer.from('bad\n'));
  await writer.write('stdout', Buffer.from('o\nrest'));
  await writer.close();
}

const expected = [`<30>TIME 0123456789ab${head}one`, `<27>TIME 0123456789ab${head}bad`].concat(
  [`two`, `rest`].map((text) => `<30>TIME 0123456789ab${head}${text}`),
);

test('messages over UDP: one a datagram, none for an empty line', async (t) => {
  const socket = createSocket('udp4');
  t.after(() => socket.close());
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const received: string[] = [];
  const all = new Promise<void>((resolve) => {
    socket.on('message', (data) => {
      received.push(data.toString());
      if (received.length === expected.length) resolve();
    });
  });
  await writeSome(syslog(`udp://127.0.0.1:${socket.address().port}`));
  await all;
  assert.deepEqual(messages(received.join('')), expected);
  assert.ok(received.every((message) => message.endsWith('\n') && message.indexOf('\n') === message.length - 1));
});

test('messages over TCP and over a stream in the file system, with tag and facility', async (t) => {
  const places = [{ port: 0 }, { path: join(directoryOf(t), 'syslog') }];
  for (const place of places) {
    const server = new StreamServer(t);
    const address = await server.listen(place);
    await writeSome(syslog(address, { tag: '{{.ImageName}}/{{.Name}}', 'syslog-facility': 'local3' }));
    await server.has('rest\n');
    assert.equal(messages(server.text)[1], `<155>TIME alpine:3/web${head}bad`);
    assert.equal(messages(server.text).length, 4);
  }
});

test('messages over TLS: counted in RFC 5424, and only to a server that is known', async (t) => {
  const directory = directoryOf(t);
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', [...request, '-keyout', key, '-out', cert, ...subject], { stdio: 'ignore' });
  let text = '';
  const sockets: Socket[] = [];
  const server = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }, (socket) => {
    sockets.push(socket);
    socket.on('data', (data) => (text += data.toString()));
  });
  server.on('tlsClientError', () => {});
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `tcp+tls://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const options = { 'syslog-format': 'rfc5424', tag: 'web' };
  await assert.rejects(
    syslog(address, options).open(),
    /failed to initialize logging driver: dial tcp 127\.0\.0\.1:\d+: /,
  );
  await writeSome(syslog(address, { ...options, 'syslog-tls-skip-verify': 'true' }));
  await writeSome(syslog(address, { ...options, 'syslog-tls-ca-cert': cert }));
  while (text.split('rest\n').length < 3) await new Promise((resolve) => setTimeout(resolve, 2));
  const counted = /^(\d+) (<30>1 [^\n]* web \d+ web - one\n)/.exec(text);
  assert.equal(counted?.[2]?.length, Number(counted?.[1]));
});

test('messages to a datagram socket in the file system', async (t) => {
  const receiver = new DatagramReceiver(join(directoryOf(t), 'log'));
  t.after(() => receiver.close());
  await writeSome(syslog(`unixgram://${receiver.path}`));
  assert.deepEqual(messages(receiver.take().join('')), expected);
});

test('a connection that was lost is made anew', async (t) => {
  const server = new StreamServer(t);
  const writer = await syslog(await server.listen({ port: 0 })).open();
  await writer.write('stdout', Buffer.from('before\n'));
  await server.has('before\n');
  const [first] = server.sockets;
  first?.destroy();
  const isConnectedAnew = (): boolean => server.sockets.length > 1;
  // The first write after the loss may still go into the dead connection.
  for (let index = 0; !isConnectedAnew(); index++) {
    await writer.write('stdout', Buffer.from(`attempt ${index}\n`));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await writer.write('stdout', Buffer.from('after\n'));
  await server.has('after\n');
  await writer.close();
});

test('a server that takes nothing: blocking waits, non-blocking drops what is newest, whole lines', async (t) => {
  const server = new StreamServer(t);
  const address = await server.listen({ port: 0 });
  const options = { mode: 'non-blocking', 'max-buffer-size': '10k' };
  const writer = await syslog(address, options).open();
  while (server.sockets.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  const [socket] = server.sockets;
  socket?.pause();
  const line = 'x'.repeat(900);
  for (let index = 0; index < 20_000; index++) await writer.write('stdout', Buffer.from(`${line}${index}\n`));
  socket?.resume();
  await writer.close();
  await once(socket as Socket, 'close');
  const numbers = messages(server.text).map((message) => Number(/x(\d+)$/.exec(message)?.[1] ?? Number.NaN));
  assert.ok(numbers.length > 100 && numbers.length < 20_000, `${numbers.length}`);
  assert.deepEqual(
    numbers,
    numbers.map((_, index) => index),
    'what was kept has no gap',
  );
});

test('a server that takes nothing for too long holds up neither the container nor its end', async (t) => {
  const server = new StreamServer(t);
  const writer = await syslog(await server.listen({ port: 0 }), {}, 50).open();
  while (server.sockets.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  server.sockets[0]?.pause();
  const megabyte = Buffer.from(`${'x'.repeat(1023)}\n`.repeat(1024));
  const failures: string[] = [];
  for (let index = 0; index < 20; index++) {
    await writer.write('stdout', megabyte).catch((error: Error) => failures.push(error.message));
  }
  await writer.close();
  assert.deepEqual(failures.length, 1, 'what is dropped afterwards is no failure of its own');
  assert.match(failures[0] ?? '', /took nothing for 0.05 seconds$/);
});

test('a server that never answers the TLS handshake refuses the start, and is not waited for', async (t) => {
  const server = new StreamServer(t);
  const address = (await server.listen({ port: 0 })).replace('tcp:', 'tcp+tls:');
  await assert.rejects(
    syslog(address, {}, 50).open(),
    /logging driver: 127\.0\.0\.1:\d+ took nothing for 0\.05 seconds$/,
  );
});

test('the log of a container that runs already is opened without its server, which is tried when there is output', async (t) => {
  const path = join(directoryOf(t), 'syslog');
  const server = new StreamServer(t);
  const address = await server.listen({ path });
  const log = syslog(address);
  await server.stop();
  const writer = await log.open({ resumes: true });
  await assert.rejects(
    writer.write('stdout', Buffer.from('lost\n')),
    /dial unix .*: connect: no such file or directory$/,
  );
  await writer.close();
  await server.listen({ path });
  const again = await log.open({ resumes: true });
  await again.write('stdout', Buffer.from('kept\n'));
  await server.has('kept\n');
  await again.close();
  assert.equal(messages(server.text).length, 1);
});

test('a server that is not there refuses the start', async (t) => {
  const gone = createServer();
  gone.listen(0, '127.0.0.1');
  await once(gone, 'listening');
  const { port } = gone.address() as AddressInfo;
  gone.close();
  await once(gone, 'close');
  const prefix = 'failed to initialize logging driver:';
  await assert.rejects(syslog(`tcp://127.0.0.1:${port}`).open(), {
    kind: 'internal',
    message: `${prefix} dial tcp 127.0.0.1:${port}: connect: connection refused`,
  });
  const authorities = join(directoryOf(t), 'none');
  await assert.rejects(syslog(`tcp+tls://127.0.0.1:${port}`, { 'syslog-tls-ca-cert': authorities }).open(), {
    message: `${prefix} could not read CA certificate "${authorities}": open ${authorities}: no such file or directory`,
  });
});

test('the formats', () => {
  const timeNs = BigInt(Date.UTC(2026, 10, 2, 3, 4, 5)) * 1_000_000n + 123_456_789n;
  const sender = { facility: 3, tag: 'web', hostName: 'h', pid: 7, counted: false } as const;
  const format = (changes: Partial<SyslogSender>): string =>
    syslogMessage(
      { format: 'unix', ...sender, ...changes },
      { stream: 'stdout', text: Buffer.from('a b'), timeNs },
    ).toString();
  assert.match(format({}), /^<30>Nov {2}[123] \d\d:04:05 web\[7\]: a b\n$/);
  assert.match(format({ format: 'rfc3164' }), /^<30>Nov {2}[123] \d\d:04:05 h web\[7\]: a b\n$/);
  assert.equal(format({ format: 'rfc5424' }), '<30>1 2026-11-02T03:04:05Z h web 7 web - a b\n');
  const micro = '<30>1 2026-11-02T03:04:05.123456Z h web 7 web - a b\n';
  assert.equal(format({ format: 'rfc5424micro' }), micro);
  assert.equal(format({ format: 'rfc5424micro', counted: true }), `${micro.length} ${micro}`);
  assert.notEqual(hostname(), '');
});
