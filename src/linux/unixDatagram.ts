/** Sending datagrams to a socket in the file system (unix(7)), which Node does not know. */
import koffi from 'koffi';

import { checked, libc, syscallError } from './libc.ts';

const socketCall = libc.func('int socket(int domain, int type, int protocol)');
const connectCall = libc.func('int connect(int fd, const void *address, unsigned int length)');
const sendto = libc.func(
  'long sendto(int fd, const void *data, unsigned long length, int flags, const void *address, unsigned int addressLength)',
);
const setsockopt = libc.func('int setsockopt(int fd, int level, int name, const int *value, unsigned int length)');
const closeCall = libc.func('int close(int fd)');

const familyUnix = 1;
const typeDatagram = 2;
const closeOnExec = 0x8_00_00;
const nonBlocking = 0x800;
const levelSocket = 1;
const sendBufferForce = 32;
const noSignal = 0x4000;
const longestPathBytes = 107;
/** What a datagram may be long: the kernel counts it against the sender's buffer. */
const sendBufferBytes = 8 * 1024 * 1024;

export interface UnixDatagrams {
  readonly path: string;
  /** Throws the system error when nobody listens there. */
  probe(): void;
  /**
   * Sends one datagram; false when the receiver's queue is full. Throws the system error. The path is looked up each time, so
   * that a receiver may be restarted.
   */
  send(data: Uint8Array): boolean;
  close(): void;
}

/** The kernel's address of a path. Throws RangeError for one that is too long. */
export function unixAddress(path: string): Buffer {
  const bytes = Buffer.from(path);
  if (bytes.length > longestPathBytes) throw new RangeError(`the path of a socket is too long: '${path}'`);
  const address = Buffer.alloc(2 + bytes.length + 1);
  address.writeUInt16LE(familyUnix);
  bytes.copy(address, 2);
  return address;
}

export function openUnixDatagrams(path: string): UnixDatagrams {
  const address = unixAddress(path);
  const fd = openSocket();
  // Without the right to it datagrams are as long as the host allows everybody.
  setsockopt(fd, levelSocket, sendBufferForce, [sendBufferBytes], 4);
  return {
    path,
    probe() {
      const probeFd = openSocket();
      try {
        checked(connectCall(probeFd, address, address.length) as number, 'connect', path);
      } finally {
        closeCall(probeFd);
      }
    },
    send: (data) => send(fd, data, address, path),
    close() {
      closeCall(fd);
    },
  };
}

function openSocket(): number {
  return checked(socketCall(familyUnix, typeDatagram | closeOnExec | nonBlocking, 0) as number, 'socket');
}

/** False when the receiver's queue is full. */
function send(fd: number, data: Uint8Array, address: Buffer, path: string): boolean {
  const sent = sendto(fd, data, data.length, noSignal, address, address.length) as number;
  if (sent >= 0) return true;
  if (koffi.errno() === koffi.os.errno['EAGAIN']) return false;
  throw syscallError('sendto', path);
}
