/** Pseudo-terminals (pts(4), ioctl_tty(2)). */
import { closeSync, constants, openSync } from 'node:fs';

import koffi from 'koffi';

import { checked, libc } from './libc.ts';

export interface TerminalSize {
  /** Rows. */
  readonly height: number;
  /** Columns. */
  readonly width: number;
}

koffi.struct('gantry_winsize', { rows: 'uint16', columns: 'uint16', widthPixels: 'uint16', heightPixels: 'uint16' });
const ioctlValue = libc.func('int ioctl(int fd, unsigned long request, long value)');
const ioctlIn = libc.func('int ioctl(int fd, unsigned long request, int *value)');
const ioctlSize = libc.func('int ioctl(int fd, unsigned long request, gantry_winsize *size)');
const tcgetattr = libc.func('int tcgetattr(int fd, void *settings)');
const tcsetattr = libc.func('int tcsetattr(int fd, int actions, const void *settings)');
const cfmakeraw = libc.func('void cfmakeraw(void *settings)');

const setLock = 0x4004_5431;
const openPeer = 0x5441;
const setWindowSize = 0x5414;
const largestSide = 0xffff;
/** More than a struct termios has on any architecture. */
const settingsBytes = 128;

export interface Terminal {
  readonly master: number;
  /** The end for the process; close it once the process has it. */
  readonly slave: number;
}

/** A new pseudo-terminal in raw mode (nothing is echoed or rewritten on the way). Throws the system error. */
export function openTerminal(): Terminal {
  const flags = constants.O_RDWR | constants.O_NOCTTY;
  const master = openSync('/dev/ptmx', flags);
  try {
    checked(ioctlIn(master, setLock, [0]) as number, 'ioctl', 'TIOCSPTLCK');
    const closeOnExec = 0o2000000;
    const slave = checked(ioctlValue(master, openPeer, flags | closeOnExec) as number, 'ioctl', 'TIOCGPTPEER');
    makeRaw(slave);
    return { master, slave };
  } catch (error) {
    closeSync(master);
    throw error;
  }
}

function makeRaw(fd: number): void {
  const settings = Buffer.alloc(settingsBytes);
  checked(tcgetattr(fd, settings) as number, 'tcgetattr');
  cfmakeraw(settings);
  checked(tcsetattr(fd, 0, settings) as number, 'tcsetattr');
}

const side = (value: number): number => Math.min(Math.max(Math.trunc(value), 0), largestSide);

/** Tells a terminal (either end) its size; its foreground process gets SIGWINCH. Throws the system error. */
export function resizeTerminal(fd: number, size: TerminalSize): void {
  const fields = { rows: side(size.height), columns: side(size.width), widthPixels: 0, heightPixels: 0 };
  checked(ioctlSize(fd, setWindowSize, fields) as number, 'ioctl', 'TIOCSWINSZ');
}
