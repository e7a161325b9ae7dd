/**
 * AF_NETLINK, route family: the wire format (pure) and a socket. The kernel works a route request off inside send(2), so
 * every answer is in the receive queue when send returns, and all calls here are synchronous. See netlink(7),
 * rtnetlink(7).
 */
import koffi from 'koffi';

import { checked, errnoError, libc, syscallError } from './libc.ts';

/** One request: `body` is the family's header and the attributes after it. `label` says what it does, for errors. */
export interface NetlinkRequest {
  readonly label: string;
  readonly type: number;
  readonly flags: number;
  readonly body: Uint8Array;
}

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly body: Uint8Array;
}

const messageHeaderBytes = 16;
const attributeHeaderBytes = 4;
const receiveBufferBytes = 64 * 1024;
const maxDumpMessages = 1_000_000;
const maxDumpTries = 8;

const flagRequest = 0x1;
const flagAck = 0x4;
const flagDumpInterrupted = 0x10;
const flagDump = 0x300;
const flagCapped = 0x100;
const flagAckAttributes = 0x200;
const typeError = 2;
const typeDone = 3;
const attributeTypeMask = 0x3fff;
const attributeNested = 0x8000;

const aligned = (length: number): number => (length + 3) & ~3;

/** Little-endian unsigned integer of 4 bytes: the byte order of every machine that the engine runs on. */
export function u32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}

/** A string with the NUL that the kernel wants at its end. */
export const zeroTerminated = (text: string): Uint8Array => Buffer.from(`${text}\0`, 'utf8');

/** One attribute, padded to 4 bytes. */
export function attribute(type: number, payload: Uint8Array): Uint8Array {
  const length = attributeHeaderBytes + payload.length;
  const bytes = Buffer.alloc(aligned(length));
  bytes.writeUInt16LE(length, 0);
  bytes.writeUInt16LE(type, 2);
  bytes.set(payload, attributeHeaderBytes);
  return bytes;
}

/** An attribute whose payload is attributes. */
export const nested = (type: number, ...parts: readonly Uint8Array[]): Uint8Array =>
  attribute(type | attributeNested, Buffer.concat(parts));

/** Requests as one datagram, numbered from `firstSequence`; each asks for an acknowledgement. */
export function encodeRequests(requests: readonly NetlinkRequest[], firstSequence: number): Buffer {
  return Buffer.concat(
    requests.map((request, at) => {
      const length = messageHeaderBytes + request.body.length;
      const bytes = Buffer.alloc(aligned(length));
      bytes.writeUInt32LE(length, 0);
      bytes.writeUInt16LE(request.type, 4);
      bytes.writeUInt16LE(request.flags | flagRequest | flagAck, 6);
      bytes.writeUInt32LE(firstSequence + at, 8);
      bytes.set(request.body, messageHeaderBytes);
      return bytes;
    }),
  );
}

/** The messages of one datagram. Throws RangeError when a length leads out of it. */
export function decodeMessages(datagram: Uint8Array): NetlinkMessage[] {
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const messages: NetlinkMessage[] = [];
  for (let at = 0; at < datagram.length;) {
    const rest = datagram.length - at;
    const length = rest < messageHeaderBytes ? 0 : view.getUint32(at, true);
    if (length < messageHeaderBytes || length > rest) throw new RangeError(`netlink: bad message length ${length}`);
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      body: datagram.subarray(at + messageHeaderBytes, at + length),
    });
    at += aligned(length);
  }
  return messages;
}

/** The attributes of a message's body from `offset` on, the last one of a type winning. Throws RangeError on a bad length. */
export function decodeAttributes(body: Uint8Array, offset = 0): Map<number, Uint8Array> {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const attributes = new Map<number, Uint8Array>();
  for (let at = offset; at + attributeHeaderBytes <= body.length;) {
    const length = view.getUint16(at, true);
    if (length < attributeHeaderBytes || at + length > body.length) {
      throw new RangeError(`netlink: bad attribute length ${length}`);
    }
    const type = view.getUint16(at + 2, true) & attributeTypeMask;
    attributes.set(type, body.subarray(at + attributeHeaderBytes, at + length));
    at += aligned(length);
  }
  return attributes;
}

/** The text of an attribute, up to its NUL. */
export function attributeText(payload: Uint8Array): string {
  const end = payload.indexOf(0);
  return Buffer.from(end === -1 ? payload : payload.subarray(0, end)).toString('utf8');
}

/** The number in an attribute of 4 bytes; 0 when it is shorter. */
export const attributeU32 = (payload: Uint8Array): number =>
  payload.length < 4 ? 0 : new DataView(payload.buffer, payload.byteOffset, 4).getUint32(0, true);

/** What an acknowledgement says: 0, or a positive errno and the kernel's own words where it gave any. */
export function decodeAcknowledgement(message: NetlinkMessage): { readonly errno: number; readonly text: string } {
  if (message.body.length < 4) throw new RangeError('netlink: short acknowledgement');
  const view = new DataView(message.body.buffer, message.body.byteOffset, message.body.byteLength);
  const errno = Math.abs(view.getInt32(0, true));
  if ((message.flags & flagAckAttributes) === 0 || message.body.length < 4 + messageHeaderBytes) {
    return { errno, text: '' };
  }
  const echoed = (message.flags & flagCapped) === 0 ? view.getUint32(4, true) : messageHeaderBytes;
  const text = decodeAttributes(message.body, 4 + aligned(echoed)).get(1);
  return { errno, text: text === undefined ? '' : attributeText(text) };
}

const socket = libc.func('int socket(int domain, int type, int protocol)');
const setsockopt = libc.func('int setsockopt(int fd, int level, int name, const void *value, uint32_t length)');
const send = libc.func('long send(int fd, const void *bytes, size_t length, int flags)');
const receive = libc.func('long recv(int fd, _Out_ uint8_t *bytes, size_t length, int flags)');
const close = libc.func('int close(int fd)');

const addressFamilyNetlink = 16;
const socketRawCloseOnExec = 3 | 0o2000000;
const levelSocket = 1;
const optionReceiveTimeout = 20;
const levelNetlink = 270;
const optionCapAck = 10;
const optionExtendedAck = 11;
const receiveTruncated = 0x20;
const errnoInterrupted = 4;

/** A route socket in the network namespace that the calling thread is in when it opens it; it stays in that one. */
export class NetlinkSocket {
  readonly #descriptor: number;
  readonly #buffer = Buffer.allocUnsafeSlow(receiveBufferBytes);
  #sequence = 1;
  #isOpen = true;

  constructor() {
    this.#descriptor = checked(socket(addressFamilyNetlink, socketRawCloseOnExec, 0) as number, 'socket', 'netlink');
    // A lost answer must not hang the thread.
    const timeout = Buffer.alloc(16);
    timeout.writeBigInt64LE(10n);
    this.#option(levelSocket, optionReceiveTimeout, timeout);
    this.#option(levelNetlink, optionCapAck, u32(1));
    this.#option(levelNetlink, optionExtendedAck, u32(1));
  }

  /**
   * Sends all requests as one datagram and returns each one's answers. The kernel works them off in order and goes on
   * after a failure; the first failure is thrown as a system error (`code`, such as EEXIST) that names its request.
   */
  request(...requests: readonly NetlinkRequest[]): NetlinkMessage[][] {
    const first = this.#take(requests.length);
    const datagram = encodeRequests(requests, first);
    checked(send(this.#descriptor, datagram, datagram.length, 0) as number, 'send', 'netlink');
    return this.#answers(requests, first);
  }

  /**
   * Like `request`, with the kernel's work done off the calling thread: for what waits long, as the removal of a link
   * does. Nothing else may be asked of the socket meanwhile.
   */
  async requestInBackground(...requests: readonly NetlinkRequest[]): Promise<NetlinkMessage[][]> {
    const first = this.#take(requests.length);
    const datagram = encodeRequests(requests, first);
    const error = await new Promise<unknown>((resolve) => {
      send.async(this.#descriptor, datagram, datagram.length, 0, (_: unknown, sent: number) => {
        resolve(sent < 0 ? syscallError('send', 'netlink') : undefined);
      });
    });
    if (error !== undefined) throw error;
    return this.#answers(requests, first);
  }

  /** All objects that a dump request answers with; asked again when they changed meanwhile. */
  dump(request: NetlinkRequest): NetlinkMessage[] {
    for (let tries = 0; tries < maxDumpTries; tries += 1) {
      const messages = this.#dumpOnce(request);
      if (messages !== undefined) return messages;
    }
    throw errnoError(errnoInterrupted, request.label, 'the list changes faster than it can be read');
  }

  /** Idempotent. */
  close(): void {
    if (this.#isOpen) close(this.#descriptor);
    this.#isOpen = false;
  }

  #option(level: number, name: number, value: Uint8Array): void {
    checked(setsockopt(this.#descriptor, level, name, value, value.length) as number, 'setsockopt', 'netlink');
  }

  #take(count: number): number {
    const first = this.#sequence;
    this.#sequence += count;
    return first;
  }

  #answers(requests: readonly NetlinkRequest[], first: number): NetlinkMessage[][] {
    const answers: NetlinkMessage[][] = requests.map(() => []);
    let failure: Error | undefined;
    for (let waiting = requests.length; waiting > 0;) {
      for (const message of this.#receive()) {
        const at = message.sequence - first;
        const request = requests[at];
        if (request === undefined) continue;
        if (message.type !== typeError) {
          answers[at]?.push(message);
          continue;
        }
        waiting -= 1;
        const { errno, text } = decodeAcknowledgement(message);
        if (errno !== 0) failure ??= errnoError(errno, request.label, text);
      }
    }
    if (failure !== undefined) throw failure;
    return answers;
  }

  #dumpOnce(request: NetlinkRequest): NetlinkMessage[] | undefined {
    const sequence = this.#take(1);
    const datagram = encodeRequests([{ ...request, flags: request.flags | flagDump }], sequence);
    checked(send(this.#descriptor, datagram, datagram.length, 0) as number, 'send', 'netlink');
    const messages: NetlinkMessage[] = [];
    let wasInterrupted = false;
    for (;;) {
      for (const message of this.#receive()) {
        if (message.sequence !== sequence) continue;
        wasInterrupted ||= (message.flags & flagDumpInterrupted) !== 0;
        if (message.type === typeDone) return wasInterrupted ? undefined : messages;
        if (message.type === typeError) {
          const { errno, text } = decodeAcknowledgement(message);
          if (errno !== 0) throw errnoError(errno, request.label, text);
          continue;
        }
        if (messages.push(message) > maxDumpMessages) throw new RangeError(`netlink: ${request.label}: too long`);
      }
    }
  }

  #receive(): NetlinkMessage[] {
    const length = receive(this.#descriptor, this.#buffer, this.#buffer.length, receiveTruncated) as number;
    if (length < 0 && koffi.errno() === errnoInterrupted) return [];
    checked(length, 'recv', 'netlink');
    if (length > this.#buffer.length) throw new RangeError(`netlink: a datagram of ${length} bytes`);
    // Copied, since the buffer is used again.
    return decodeMessages(Buffer.from(this.#buffer.subarray(0, length)));
  }
}
