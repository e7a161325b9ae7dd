import { chmodSync, chownSync, lstatSync, unlinkSync } from 'node:fs';
import { connect, type Server } from 'node:net';

import { GantryError, hasCode, messageOf } from '../base/index.ts';

/** Where a server listens. */
export type ListenTarget =
  | {
      readonly kind: 'unix';
      readonly path: string;
      /** Owner of the socket besides root; absent leaves the process's own group. */
      readonly groupId?: number;
      /** Permissions of the socket; 0660 unless given. */
      readonly mode?: number;
    }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  /** A listening socket that was handed over, as service managers do. */
  | { readonly kind: 'fd'; readonly fd: number };

/** The kernel's sun_path without its final zero. */
const longestSocketPathBytes = 107;

/**
 * Binds `server` to `target`; resolves with its address as DOCKER_HOST takes it. A socket file that nobody answers on is
 * replaced; one that is in use, and a file that is no socket, are refused with `conflict`.
 */
export async function bind(server: Server, target: ListenTarget): Promise<string> {
  if (target.kind === 'unix') return bindUnix(server, target);
  if (target.kind === 'fd') {
    await listening(server, `fd ${target.fd}`, () => server.listen({ fd: target.fd }));
    return `fd://${target.fd}`;
  }
  const { host, port } = target;
  await listening(server, `${host}:${port}`, () => server.listen({ host, port }));
  const address = server.address();
  const actualPort = address !== null && typeof address === 'object' ? address.port : port;
  return `tcp://${host.includes(':') ? `[${host}]` : host}:${actualPort}`;
}

async function bindUnix(server: Server, target: ListenTarget & { kind: 'unix' }): Promise<string> {
  const { path, groupId, mode = 0o660 } = target;
  if (Buffer.byteLength(path) > longestSocketPathBytes) {
    throw new GantryError(
      'invalid',
      `socket path ${JSON.stringify(path)} is longer than ${longestSocketPathBytes} bytes`,
    );
  }
  await removeStaleSocket(path);
  // Nobody else may connect between the bind, which is done inside listen(), and the chmod.
  const umask = process.umask(0o777 & ~0o600);
  let bound: Promise<void>;
  try {
    bound = listening(server, path, () => server.listen(path));
  } finally {
    process.umask(umask);
  }
  await bound;
  if (groupId !== undefined) chownSync(path, process.getuid?.() ?? 0, groupId);
  chmodSync(path, mode);
  return `unix://${path}`;
}

function listening(server: Server, name: string, listen: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void => {
      reject(new GantryError('conflict', `cannot listen on ${name}: ${messageOf(error)}`, { cause: error }));
    };
    server.once('error', onError);
    server.once('listening', () => {
      server.off('error', onError);
      resolve();
    });
    listen();
  });
}

async function removeStaleSocket(path: string): Promise<void> {
  let isSocket: boolean;
  try {
    isSocket = lstatSync(path).isSocket();
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return;
    throw error;
  }
  if (!isSocket) throw new GantryError('conflict', `cannot listen on ${path}: a file that is no socket is there`);
  if (await isAnswered(path)) {
    throw new GantryError('conflict', `cannot listen on ${path}: another process is listening there`, {
      hint: 'Stop the other daemon, or give this one a socket of its own with --host.',
    });
  }
  unlinkSync(path);
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    // Only a refusal says that nobody is there; a full backlog (EAGAIN) says the contrary.
    probe.once('error', (error) => resolve(!hasCode(error, 'ECONNREFUSED') && !hasCode(error, 'ENOENT')));
  });
}
