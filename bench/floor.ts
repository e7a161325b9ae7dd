/** The floor under every engine: the OCI runtime alone, with the bundle that Gantry makes for the same container. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { networkKernel, readCgroupLayout, removeCgroup } from '../src/linux/index.ts';
import { containerSpec, readHostFacts, writeBundle, type OciSpec } from '../src/runtime/index.ts';
import { must } from '../test/support/run.ts';

const cgroupParent = '/gantry-floor';

/** One `crun run` after the other, of a bundle that lies ready: root file system, network namespace, compiled filter. */
export interface Floor {
  run(): Promise<void>;
  close(): void;
}

export async function openFloor(rootTar: string): Promise<Floor> {
  const bundle = mkdtempSync(path.join(tmpdir(), 'gantry-floor-'));
  const rootfsDir = path.join(bundle, 'rootfs');
  const namespace = path.join(bundle, 'netns');
  mkdirSync(rootfsDir);
  await must('tar', ['-xf', rootTar, '-C', rootfsDir]);
  networkKernel.createNamespace(namespace, []).close();
  writeBundle(bundle, specOf(rootfsDir, namespace));
  const args = ['--root', path.join(bundle, 'state'), 'run', '--bundle', bundle, `floor-${process.pid}`];
  return {
    run: async () => void (await must('crun', args)),
    close: () => {
      networkKernel.removeNamespace(namespace);
      removeCgroup(readCgroupLayout(), cgroupParent);
      rmSync(bundle, { recursive: true, force: true });
    },
  };
}

function specOf(rootfsDir: string, namespace: string): OciSpec {
  return containerSpec({
    id: `floor-${process.pid}`,
    rootfsDir,
    args: ['true'],
    env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
    cwd: '/',
    user: { uid: 0, gid: 0, additionalGids: [] },
    tty: false,
    hostname: 'floor',
    domainname: '',
    files: {},
    mounts: [],
    namespaces: { network: { path: namespace }, ipc: 'private', pid: 'private', uts: 'private', cgroup: 'private' },
    cgroupParent,
    settings: {},
    host: readHostFacts(readCgroupLayout()),
  });
}
