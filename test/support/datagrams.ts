/** The receiving end of a datagram socket in the file system, which Node does not know: what stands in for a host's journal or syslog. */
import { rmSync } from 'node:fs';

import { checked, libc, unixAddress } from '../../src/linux/index.ts';

const socketCall = libc.func('int socket(int domain, int type, int protocol)');
const bindCall = libc.func('int bind(int fd, const void *address, unsigned int length)');
const recv = libc.func('long recv(int fd, _Out_ void *buffer, unsigned long length, int flags)');
const closeCall = libc.func('int close(int fd)');

const familyUnix = 1;
/** SOCK_DGRAM, SOCK_CLOEXEC, SOCK_NONBLOCK. */
const typeFlags = 2 | 0x8_00_00 | 0x800;
const longestBytes = 1 << 20;

/** Receives until it is closed, and removes the socket then. */
export class DatagramReceiver {
  readonly path: string;
  readonly #fd: number;

  constructor(path: string) {
    this.path = path;
    this.#fd = checked(socketCall(familyUnix, typeFlags, 0) as number, 'socket');
    const address = unixAddress(path);
    checked(bindCall(this.#fd, address, address.length) as number, 'bind', path);
  }

  /** The datagrams that wait, in order. */
  take(): Buffer[] {
    const taken: Buffer[] = [];
    const buffer = Buffer.alloc(longestBytes);
    for (;;) {
      const length = recv(this.#fd, buffer, buffer.length, 0) as number;
      if (length < 0) return taken;
      taken.push(Buffer.from(buffer.subarray(0, length)));
    }
  }

  close(): void {
    closeCall(this.#fd);
    rmSync(this.path, { force: true });
  }
}
