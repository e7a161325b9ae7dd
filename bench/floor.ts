/** The floor under every engine: the OCI runtime alone, with the bundle that Gantry makes for the same container. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { containerSpec, readHostFacts } from '../src/runtime/index.ts';
import { must } from '../test/support/run.ts';

/** Milliseconds of each `crun run` of `true`, on a root file system that lies ready, in a network namespace of its own. */
export async function measureFloor(rootTar: string, rounds: number): Promise<number[]> {
  const bundle = mkdtempSync(path.join(tmpdir(), 'gantry-floor-'));
  try {
    const rootfsDir = path.join(bundle, 'rootfs');
    mkdirSync(rootfsDir);
    await must('tar', ['-xf', rootTar, '-C', rootfsDir]);
    writeFileSync(path.join(bundle, 'config.json'), JSON.stringify(specOf(rootfsDir)));
    const samples: number[] = [];
    for (let round = 0; round <= rounds; round += 1) {
      const begun = performance.now();
      await must('crun', ['--root', path.join(bundle, 'state'), 'run', '--bundle', bundle, `floor-${process.pid}`]);
      if (round > 0) samples.push(performance.now() - begun);
    }
    return samples;
  } finally {
    rmSync(bundle, { recursive: true, force: true });
  }
}

function specOf(rootfsDir: string): unknown {
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
    namespaces: { network: 'private', ipc: 'private', pid: 'private', uts: 'private', cgroup: 'private' },
    cgroupParent: '/gantry-floor',
    settings: {},
    host: readHostFacts(existsSync('/sys/fs/cgroup/cgroup.controllers') ? 2 : 1),
  });
}
