/** A root file system of busybox and a runtime over it, for the tests of the runtime room. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';

import { silentLogger } from '../../src/base/index.ts';
import { cgroupDirs, readCgroupLayout, removeCgroup } from '../../src/linux/index.ts';
import {
  containerSpec,
  findProgram,
  openRuntime,
  readHostFacts,
  writeBundle,
  type OciRuntime,
  type ProcessExit,
  type ProcessStdio,
  type RuntimeProcess,
  type SpecInput,
} from '../../src/runtime/index.ts';

export const layout = readCgroupLayout();
const facts = readHostFacts(layout);

export const pipes: ProcessStdio = { stdin: false, tty: false, owner: { uid: 0, gid: 0 } };

/** Those that are installed and can run here. */
export const runtimeNames = ['crun', 'runc'].filter(
  (name) => findProgram(name) !== undefined && (name !== 'crun' || layout.leftover.length === 0),
);

export interface Finished {
  readonly out: string;
  readonly err: string;
  readonly exit: ProcessExit;
}

/** Reads a process to its end. */
export async function finish({ stdout, stderr, exit }: RuntimeProcess): Promise<Finished> {
  const [out, err, ended] = await Promise.all([text(stdout), stderr === undefined ? '' : text(stderr), exit]);
  return { out, err, exit: ended };
}

export interface Bench {
  readonly dir: string;
  readonly runtime: OciRuntime;
  readonly cgroupParent: string;
  /** Where the runtime keeps what it knows of containers. */
  readonly root: string;
  /** A bundle for `args`; its directory and the state directory to run it with. */
  bundle(id: string, args: readonly string[], over?: Partial<SpecInput>): { bundleDir: string; stateDir: string };
  run(id: string, args: readonly string[], stdio?: ProcessStdio, over?: Partial<SpecInput>): Promise<RuntimeProcess>;
  /** Directories of cgroups that are left. */
  leftCgroups(id: string): string[];
}

function makeRoot(rootfs: string): void {
  for (const dir of ['bin', 'etc', 'tmp', 'root']) mkdirSync(join(rootfs, dir), { recursive: true });
  cpSync('/bin/busybox', join(rootfs, 'bin/busybox'));
  for (const name of [
    'sh',
    'cat',
    'dd',
    'echo',
    'env',
    'head',
    'id',
    'kill',
    'ls',
    'seq',
    'sleep',
    'stty',
    'true',
    'tty',
    'yes',
    'md5sum',
    'tr',
  ]) {
    symlinkSync('busybox', join(rootfs, 'bin', name));
  }
  writeFileSync(join(rootfs, 'bin/plain'), 'no program', { mode: 0o644 });
  writeFileSync(join(rootfs, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\nann:x:70:71::/home/ann:/bin/sh\n');
}

/** A runtime of the given name with a root file system; everything is taken away after the test. */
export function openBench(t: TestContext, name: string): Bench {
  const dir = mkdtempSync(join(tmpdir(), 'gantry-runtime-'));
  const rootfs = join(dir, 'rootfs');
  const root = join(dir, 'state');
  const cgroupParent = `/gantry-test-${process.pid}`;
  makeRoot(rootfs);
  const runtime = openRuntime({ name, path: findProgram(name) ?? name, root, logger: silentLogger });
  const ids: string[] = [];
  t.after(async () => {
    for (const id of ids) await runtime.delete(id);
    removeCgroup(layout, cgroupParent);
    rmSync(dir, { recursive: true, force: true });
  });
  const bundle: Bench['bundle'] = (id, args, over = {}) => {
    ids.push(id);
    const bundleDir = join(dir, id);
    mkdirSync(bundleDir);
    writeBundle(bundleDir, containerSpec({ ...plainInput(id, args), rootfsDir: rootfs, cgroupParent, ...over }));
    return { bundleDir, stateDir: join(bundleDir, 'process') };
  };
  return {
    dir,
    runtime,
    cgroupParent,
    root,
    bundle,
    run: async (id, args, stdio = pipes, over = {}) =>
      await runtime.run({
        id,
        ...bundle(id, args, { tty: stdio.tty, consoleSize: stdio.consoleSize, ...over }),
        stdio,
      }),
    leftCgroups: (id) => cgroupDirs(layout, `${cgroupParent}/${id}`).filter((path) => existsSync(path)),
  };
}

function plainInput(id: string, args: readonly string[]): Omit<SpecInput, 'rootfsDir' | 'cgroupParent'> {
  return {
    id,
    args,
    env: [],
    cwd: '/',
    user: { uid: 0, gid: 0, additionalGids: [0] },
    tty: false,
    hostname: 'box',
    domainname: '',
    files: {},
    mounts: [],
    namespaces: { network: 'private', ipc: 'private', pid: 'private', uts: 'private', cgroup: 'private' },
    settings: {},
    host: facts,
  };
}
