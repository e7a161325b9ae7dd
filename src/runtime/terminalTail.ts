import { readFileSync } from 'node:fs';

import { hasCode } from '../base/index.ts';

/** crun reads a terminal's rest in pieces of so many bytes at most. */
const pieceBytes = 255;
const newline = 0x0a;
const carriageReturn = 0x0d;

/**
 * What a terminal still held when its process ended. crun (1.8) does not copy that to the terminal that it runs in but to
 * its log, as plain text with a newline after each piece. Empty when the log has none: it is not there, or it holds
 * messages of a runtime that logs in a format (runc's logfmt, JSON).
 */
export function terminalTail(logPath: string): Buffer {
  const log = readLog(logPath);
  return /^(time=|\{)/.test(log.toString('latin1', 0, 5)) ? Buffer.alloc(0) : withoutPieceEnds(log);
}

function readLog(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return Buffer.alloc(0);
    throw error;
  }
}

/**
 * Pieces are short wherever crun was faster than the kernel, so their length does not tell where they end. A terminal that
 * processes output, as all do unless told otherwise, puts a carriage return in front of every newline of its own: one
 * without it is crun's. Only output without any such pair is cut by length.
 */
export function withoutPieceEnds(log: Buffer): Buffer {
  return log.includes('\r\n') ? withoutBareNewlines(log) : withoutFullPieceEnds(log);
}

function withoutBareNewlines(log: Buffer): Buffer {
  return log.filter((byte, at) => byte !== newline || log[at - 1] === carriageReturn) as Buffer;
}

function withoutFullPieceEnds(log: Buffer): Buffer {
  const pieces: Buffer[] = [];
  let at = 0;
  while (at < log.length) {
    const piece = log.subarray(at, at + pieceBytes);
    const isLast = at + pieceBytes >= log.length;
    pieces.push(isLast && piece.at(-1) === newline ? piece.subarray(0, -1) : piece);
    at += pieceBytes;
    if (log[at] === newline) at += 1;
  }
  return Buffer.concat(pieces);
}
