/** Ways to a syslog server. */
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { connect as connectStream, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';

import { messageOf } from '../base/index.ts';
import { openUnixDatagrams } from '../linux/index.ts';
import { StalledError } from './outage.ts';
import { sendPatiently } from './patience.ts';
import type { SyslogAddress, SyslogSettings, SyslogTls } from './syslogOptions.ts';

export interface SyslogConnection {
  /** Sends one message; resolves when the next may come. Rejects when the connection has failed: it is of no use then. */
  send(message: Buffer): Promise<void>;
  close(): Promise<void>;
}

const hostSockets = ['/dev/log', '/var/run/syslog', '/var/run/log'];
const closeTimeoutMs = 2000;

/** Connects; rejects with Docker's texts. Both this and a send reject with a StalledError when the receiver takes nothing for `patienceMs`. */
export async function connectSyslog({ address, tls }: SyslogSettings, patienceMs: number): Promise<SyslogConnection> {
  switch (address.transport) {
    case 'host':
      return connectHost(patienceMs);
    case 'unixgram':
      return datagrams(address.path, patienceMs);
    case 'udp':
      return udp(address);
    case 'unix':
      return stream({ network: 'unix', place: address.path, patienceMs }, () => connectStream(address.path));
    case 'tcp':
      return stream({ network: 'tcp', place: placeOf(address), patienceMs }, () =>
        connectStream(address.port, address.host),
      );
    default: {
      const options = tlsOptions(tls, address.host);
      return stream({ network: 'tcp', place: placeOf(address), patienceMs }, () =>
        connectTls({ ...options, host: address.host, port: address.port }),
      );
    }
  }
}

function placeOf({ host, port }: Extract<SyslogAddress, { port: number }>): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

async function connectHost(patienceMs: number): Promise<SyslogConnection> {
  for (const path of hostSockets) {
    for (const attempt of [
      () => datagrams(path, patienceMs),
      () => stream({ network: 'unix', place: path, patienceMs }, () => connectStream(path)),
    ]) {
      try {
        return await attempt();
      } catch {
        // The next one may be there.
      }
    }
  }
  throw new Error('Unix syslog delivery error');
}

async function datagrams(path: string, patienceMs: number): Promise<SyslogConnection> {
  const socket = openUnixDatagrams(path);
  try {
    socket.probe();
  } catch (error) {
    socket.close();
    throw error;
  }
  return { send: (message) => sendPatiently(socket, message, patienceMs), close: async () => socket.close() };
}

async function udp({ host, port }: { readonly host: string; readonly port: number }): Promise<SyslogConnection> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  // Nobody may be listening: what is sent is lost then, as with UDP it may be anyway.
  socket.on('error', () => {});
  socket.unref();
  await new Promise<void>((resolve, reject) => {
    const fail = (error: Error): void => {
      socket.close();
      reject(error);
    };
    socket.once('error', fail);
    socket.connect(port, host, () => {
      socket.off('error', fail);
      resolve();
    });
  });
  return {
    send: (message) => new Promise((resolve) => socket.send(message, () => resolve())),
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

interface StreamPlace {
  readonly network: string;
  readonly place: string;
  readonly patienceMs: number;
}

async function stream({ network, place, patienceMs }: StreamPlace, connect: () => Socket): Promise<SyslogConnection> {
  const socket = connect();
  await connected(socket, { network, place, patienceMs });
  let failure: Error | undefined;
  socket.on('error', (error) => (failure = error));
  socket.on('close', () => (failure ??= new Error(`the connection to ${place} was closed`)));
  // What a server says is nobody's business, but its end has to be seen.
  socket.resume();
  return {
    async send(message) {
      if (failure !== undefined) throw failure;
      if (!socket.write(message) && !(await drained(socket, patienceMs))) {
        failure = new StalledError(place, patienceMs);
        socket.destroy();
        throw failure;
      }
    },
    close: () => closed(socket),
  };
}

/** Resolves when messages can be sent. A server that takes the connection and never answers is as good as none. */
async function connected(socket: Socket, { network, place, patienceMs }: StreamPlace): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => {
    reject(new StalledError(place, patienceMs));
    socket.destroy();
  }, patienceMs);
  socket.once('error', (error) => reject(dialError(network, place, error)));
  socket.once('secureConnect', resolve);
  if (!('encrypted' in socket)) socket.once('connect', resolve);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
  }
}

/** False when the socket has taken nothing for so long. */
function drained(socket: Socket, patienceMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (hasDrained: boolean): void => {
      clearTimeout(timer);
      socket.off('drain', settled);
      socket.off('close', settled);
      resolve(hasDrained);
    };
    const settled = (): void => settle(true);
    const timer = setTimeout(() => settle(false), patienceMs);
    socket.on('drain', settled);
    socket.on('close', settled);
  });
}

/** Sends what waits; a server that does not take it in time is left. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => socket.destroy(), closeTimeoutMs);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    if (socket.destroyed) resolve();
    socket.end(() => socket.destroy());
  });
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  ENOENT: 'connect: no such file or directory',
  EPROTOTYPE: 'connect: protocol wrong type for socket',
  EHOSTUNREACH: 'connect: no route to host',
  ETIMEDOUT: 'connect: connection timed out',
  ENOTFOUND: 'lookup: no such host',
};

function dialError(network: string, place: string, error: Error): Error {
  const reason = reasons[(error as NodeJS.ErrnoException).code ?? ''] ?? messageOf(error);
  return new Error(`dial ${network} ${place}: ${reason}`, { cause: error });
}

function tlsOptions(tls: SyslogTls, host: string): ConnectionOptions {
  const { authorities, certificate, key } = tls;
  return {
    rejectUnauthorized: !tls.skipVerify,
    servername: /^[\d.]+$|:/.test(host) ? '' : host,
    ...(authorities === undefined ? {} : { ca: readPem(authorities, 'could not read CA certificate') }),
    ...(certificate === undefined && key === undefined
      ? {}
      : {
          cert: readPem(certificate ?? '', 'Could not load X509 key pair'),
          key: readPem(key ?? '', 'Could not load X509 key pair'),
        }),
  };
}

function readPem(path: string, what: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new Error(`${what} ${JSON.stringify(path)}: open ${path}: no such file or directory`, { cause });
  }
}
