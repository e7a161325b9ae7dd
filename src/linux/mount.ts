/** Mounts: mount(2) and umount2(2), and the file-descriptor based calls where one page of options is too small. */
import { closeSync, readFileSync, readSync } from 'node:fs';

import koffi from 'koffi';

import { GantryError, hasCode } from '../base/index.ts';
import { checked, libc, syscallError, throwErrno } from './libc.ts';

export type MountFlag = 'ro' | 'nosuid' | 'nodev' | 'noexec' | 'bind' | 'rbind' | 'private' | 'rprivate';

/** What to mount: the arguments of mount(2) without the target. A snapshot's `MountSpec` is one. */
export interface MountRequest {
  /** File-system type; `bind` for a bind mount. */
  readonly type: string;
  readonly source: string;
  readonly flags: readonly MountFlag[];
  /** File-system options, `key` or `key=value`. */
  readonly options: readonly string[];
}

export interface UnmountOptions {
  /** Detach now, and clean up when the last user has gone (MNT_DETACH). */
  readonly lazy?: boolean;
}

/** The door to the mount table of the daemon's namespace. */
export interface Mounter {
  /** Mounts on `target`, which exists. Synchronous: a fraction of a millisecond. Throws the system error. */
  mount(request: MountRequest, target: string): void;
  /**
   * Takes the topmost mount of `target` away, off the main thread since it may write the file system's dirty pages back.
   * A target that is no mount point, or is not there, is no error. Throws the system error (`EBUSY` while it is in use).
   */
  unmount(target: string, options?: UnmountOptions): Promise<void>;
  /** Whether something is mounted on exactly `target`. */
  isMounted(target: string): boolean;
  /** Mount points at or below `dir`, the latest first, which is the order to unmount them in. */
  mountsUnder(dir: string): string[];
}

const flagBits: Readonly<Record<MountFlag, number>> = {
  ro: 0x1,
  nosuid: 0x2,
  nodev: 0x4,
  noexec: 0x8,
  bind: 0x1000,
  rbind: 0x1000 | 0x4000,
  private: 1 << 18,
  rprivate: (1 << 18) | 0x4000,
};
const remount = 0x20;
const detach = 2;
const noFollow = 8;

/** mount(2) copies one page of options, the terminating NUL included. */
const optionsLimitBytes = 4095;

const sysMount = libc.func('int mount(const char *, const char *, const char *, unsigned long, const char *)');
const sysUnmount = libc.func('int umount2(const char *, int)');

/** The kernel's mount table, through FFI. */
export const kernelMounter: Mounter = { mount, unmount, isMounted, mountsUnder };

function mount(request: MountRequest, target: string): void {
  const bits = request.flags.reduce((sum, flag) => sum | flagBits[flag], request.type === 'bind' ? flagBits.bind : 0);
  const own = bits & ~flagBits.private;
  const options = request.options.join(',');
  if (Buffer.byteLength(options) > optionsLimitBytes) mountByDescriptor(request, own, target);
  else callMount(request.source, target, request.type === 'bind' ? null : request.type, own, options);
  // A bind mount takes no other flag when it is made; they come with a remount.
  const late = bits & (flagBits.ro | flagBits.nosuid | flagBits.nodev | flagBits.noexec);
  if (bits & flagBits.bind && late !== 0) callMount('none', target, null, remount | flagBits.bind | late, '');
  if (bits & flagBits.private) callMount('none', target, null, bits & flagBits.rprivate, '');
}

function callMount(source: string, target: string, type: string | null, bits: number, options: string): void {
  checked(sysMount(source, target, type, bits, options === '' ? null : options) as number, 'mount', target);
}

async function unmount(target: string, options: UnmountOptions = {}): Promise<void> {
  const error = await new Promise<unknown>((resolve) => {
    sysUnmount.async(target, noFollow | (options.lazy === true ? detach : 0), (_: unknown, result: number) => {
      resolve(result < 0 ? syscallError('umount2', target) : undefined);
    });
  });
  if (error === undefined || hasCode(error, 'EINVAL') || hasCode(error, 'ENOENT')) return;
  throw error;
}

function isMounted(target: string): boolean {
  return mountPoints().includes(target);
}

function mountsUnder(dir: string): string[] {
  return mountPoints()
    .filter((point) => point === dir || point.startsWith(`${dir}/`))
    .toReversed();
}

/** Field 5 of every line of mountinfo (proc(5)), in the order in which they were made. */
function mountPoints(): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => unescaped(line.split(' ')[4] ?? ''));
}

function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

// The numbers of the new mount calls are the same on all architectures.
const moveMount = 429;
const fsOpen = 430;
const fsConfig = 431;
const fsMount = 432;
const configFlag = 0;
const configString = 1;
const configCreate = 6;
const closeOnExec = 1;
const moveEmptyPath = 4;
const currentDirectory = -100;
/** fsconfig(2) refuses longer strings. */
const valueLimitBytes = 255;

const sysFsOpen = libc.func('syscall', 'long', ['long', 'str', 'uint']);
const sysFsConfig = libc.func('syscall', 'long', ['long', 'int', 'uint', 'str', 'str', 'int']);
const sysFsMount = libc.func('syscall', 'long', ['long', 'int', 'uint', 'uint']);
const sysMoveMount = libc.func('syscall', 'long', ['long', 'int', 'str', 'int', 'str', 'uint']);

/** Hands the options over one by one. Overlay's long `lowerdir` becomes one `lowerdir+` per layer (Linux 6.7). */
function mountByDescriptor(request: MountRequest, bits: number, target: string): void {
  const context = checked(Number(sysFsOpen(fsOpen, request.type, closeOnExec)), 'fsopen', request.type);
  let mounted: number | undefined;
  try {
    configure(context, configString, 'source', request.source);
    for (const option of request.options) setOption(context, request.type, option);
    if (bits & flagBits.ro) configure(context, configFlag, 'ro', null);
    configure(context, configCreate, null, null);
    mounted = checked(Number(sysFsMount(fsMount, context, closeOnExec, attributesOf(bits))), 'fsmount', target);
    checked(
      Number(sysMoveMount(moveMount, mounted, '', currentDirectory, target, moveEmptyPath)),
      'move_mount',
      target,
    );
  } finally {
    if (mounted !== undefined) closeSync(mounted);
    closeSync(context);
  }
}

/** MOUNT_ATTR_RDONLY, NOSUID, NODEV and NOEXEC have the values of the MS_ flags. */
function attributesOf(bits: number): number {
  return bits & 0xf;
}

function setOption(context: number, type: string, option: string): void {
  const [key, value] = splitOnce(option);
  if (value === undefined) configure(context, configFlag, key, null);
  else if (type === 'overlay' && key === 'lowerdir')
    for (const dir of value.split(':')) configure(context, configString, 'lowerdir+', dir);
  else configure(context, configString, key, value);
}

function splitOnce(option: string): [string, string | undefined] {
  const at = option.indexOf('=');
  return at < 0 ? [option, undefined] : [option.slice(0, at), option.slice(at + 1)];
}

function configure(context: number, command: number, key: string | null, value: string | null): void {
  if (value !== null && Buffer.byteLength(value) > valueLimitBytes)
    throw new GantryError('invalid', `mount option ${key}=${value} is longer than ${valueLimitBytes} bytes`, {
      hint: 'Use a data root with a shorter path.',
    });
  if (Number(sysFsConfig(fsConfig, context, command, key, value, 0)) >= 0) return;
  const errno = koffi.errno();
  const said = messageFrom(context);
  koffi.errno(errno);
  throwErrno('fsconfig', `${key ?? 'create'}${value === null ? '' : `=${value}`}${said === '' ? '' : `: ${said}`}`);
}

/** What the file system says about its refusal: lines such as `e overlay: ...` read from the context. */
function messageFrom(context: number): string {
  try {
    const buffer = Buffer.alloc(1024);
    return buffer.toString('utf8', 0, readSync(context, buffer)).trim();
  } catch {
    return '';
  }
}
