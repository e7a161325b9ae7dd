import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { isKind } from '../base/index.ts';
import { containerSpec, execProcess, mergeEnv } from './spec.ts';
import { everyLimit } from './testSupport.ts';
import type { HostDevice, HostFacts, HostSettings, SpecInput } from './specInput.ts';

const devices: readonly HostDevice[] = [
  { path: '/dev/sda', type: 'b', major: 8, minor: 0, mode: 0o660, uid: 0, gid: 6 },
  { path: '/dev/snd/seq', type: 'c', major: 116, minor: 1, mode: 0o660, uid: 0, gid: 29 },
];

const host: HostFacts = {
  architecture: 'amd64',
  cgroupVersion: 1,
  support: everyLimit,
  cpuCount: 2,
  capabilities: ['CAP_CHOWN', 'CAP_KILL', 'CAP_NET_ADMIN', 'CAP_SETPCAP', 'CAP_SYS_ADMIN'],
  oomScoreAdj: 0,
  hardLimits: { nofile: 20_000, nproc: 100 },
  devicesAt: (path) => {
    const found = devices.filter((device) => device.path === path || device.path.startsWith(`${path}/`));
    return found.length === 0 && path !== '/etc/passwd' ? undefined : found;
  },
};

function input(over: Partial<SpecInput> = {}, settings: HostSettings = {}): SpecInput {
  return {
    id: 'c1',
    rootfsDir: '/run/c1/rootfs',
    args: ['ls', '-l'],
    env: ['A=1'],
    cwd: '/',
    user: { uid: 0, gid: 0, additionalGids: [0, 10] },
    tty: false,
    hostname: 'box',
    domainname: '',
    files: { hosts: '/run/c1/hosts' },
    mounts: [],
    namespaces: {
      network: { path: '/run/netns/c1' },
      ipc: 'private',
      pid: 'private',
      uts: 'private',
      cgroup: 'private',
    },
    cgroupParent: '/gantry',
    settings,
    host,
    ...over,
  };
}

const specWith = (settings: HostSettings, over: Partial<SpecInput> = {}) => containerSpec(input(over, settings));
const refusal = (message: string) => (error: unknown) => isKind(error, 'invalid') && error.message === message;

const bind = (source: string, destination: string, readonly = false) =>
  ({ type: 'bind', source, destination, readonly }) as const;
const held = (settings: HostSettings) => specWith(settings).process.capabilities.bounding;
const namesAllowed = (settings: HostSettings) =>
  new Set(specWith(settings).linux.seccomp?.syscalls.flatMap(({ names, args }) => (args === undefined ? names : [])));

describe('containerSpec', () => {
  it('gives a plain container the process, namespaces and cgroup that Docker gives it', () => {
    const { process, linux, root, hostname } = containerSpec(input());
    assert.deepEqual(process, {
      terminal: false,
      user: { uid: 0, gid: 0, additionalGids: [0, 10] },
      args: ['ls', '-l'],
      env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOSTNAME=box', 'A=1'],
      cwd: '/',
      capabilities: {
        bounding: ['CAP_CHOWN', 'CAP_SETPCAP', 'CAP_KILL'],
        effective: ['CAP_CHOWN', 'CAP_SETPCAP', 'CAP_KILL'],
        permitted: ['CAP_CHOWN', 'CAP_SETPCAP', 'CAP_KILL'],
      },
      noNewPrivileges: false,
    });
    assert.deepEqual(linux.namespaces, [
      { type: 'mount' },
      { type: 'network', path: '/run/netns/c1' },
      { type: 'uts' },
      { type: 'pid' },
      { type: 'ipc' },
      { type: 'cgroup' },
    ]);
    assert.equal(linux.cgroupsPath, '/gantry/c1');
    assert.deepEqual(root, { path: '/run/c1/rootfs', readonly: false });
    assert.equal(hostname, 'box');
  });

  it('gives another user than root no capability to start with', () => {
    const { capabilities } = containerSpec(input({ user: { uid: 7, gid: 7, additionalGids: [] } })).process;
    assert.deepEqual(capabilities, { bounding: ['CAP_CHOWN', 'CAP_SETPCAP', 'CAP_KILL'] });
  });

  it('opens everything that the daemon may pass on to a privileged container', () => {
    const { process, linux, mounts } = specWith({ Privileged: true, ReadonlyPaths: ['/x'] });
    assert.deepEqual(process.capabilities.effective, host.capabilities);
    assert.equal(linux.seccomp, undefined);
    assert.deepEqual([linux.maskedPaths, linux.readonlyPaths], [[], []]);
    assert.deepEqual(linux.resources.devices, [{ allow: true, access: 'rwm' }]);
    assert.deepEqual(
      mounts.filter(({ destination }) => destination.startsWith('/sys')).map(({ options }) => options.includes('ro')),
      [false, false],
    );
  });

  it('shares what it is told to share with the host', () => {
    const shared = { network: 'host', ipc: 'host', pid: 'host', uts: 'host', cgroup: 'host' } as const;
    const spec = containerSpec(input({ namespaces: shared }));
    assert.deepEqual(spec.linux.namespaces, [{ type: 'mount' }]);
    assert.equal(spec.hostname, undefined);
    assert.equal(spec.linux.sysctl, undefined);
    assert.equal(spec.mounts.find(({ destination }) => destination === '/dev/shm')?.source, '/dev/shm');
    assert.throws(
      () => specWith({ Sysctls: { 'net.core.somaxconn': '1' } }, { namespaces: shared }),
      refusal('sysctl "net.core.somaxconn" is not allowed as --network=host was specified'),
    );
  });

  it('runs the init in front of the command', () => {
    const { process, mounts } = containerSpec(input({ initPath: '/usr/bin/tini-static' }));
    assert.deepEqual(process.args, ['/sbin/docker-init', '--', 'ls', '-l']);
    assert.deepEqual(mounts.at(-1), {
      destination: '/sbin/docker-init',
      type: 'bind',
      source: '/usr/bin/tini-static',
      options: ['bind', 'ro', 'rprivate'],
    });
  });
});

describe('mounts of a container', () => {
  it('come shallowest first, the last of one destination wins, and a default gives way', () => {
    const { mounts, linux } = specWith(
      { Tmpfs: { '/run': 'size=1m,exec' } },
      {
        mounts: [
          bind('/a', '/data/sub/'),
          bind('/b', '/data'),
          bind('/h', '/etc/hosts', true),
          { ...bind('/s', '/dev/shm'), propagation: 'rslave' },
        ],
      },
    );
    assert.deepEqual(
      mounts.slice(6).map(({ source, destination, options }) => [source, destination, options.join()]),
      [
        ['tmpfs', '/run', 'nosuid,nodev,size=1m,exec,rprivate'],
        ['/b', '/data', 'rbind,rw,rprivate'],
        ['/h', '/etc/hosts', 'rbind,rro,rprivate'],
        ['/a', '/data/sub', 'rbind,rw,rprivate'],
        ['/s', '/dev/shm', 'rbind,rw,rslave'],
      ],
    );
    assert.equal(linux.rootfsPropagation, 'rslave');
  });

  it('refuse the root and options that a tmpfs does not have', () => {
    assert.throws(
      () => containerSpec(input({ mounts: [{ type: 'bind', source: '/', destination: '/x/..', readonly: false }] })),
      refusal("invalid mount path: '/x/..' destination can't be '/'"),
    );
    assert.throws(
      () => specWith({ Tmpfs: { '/t/': '' } }, { mounts: [bind('/srv', '/t')] }),
      refusal('Duplicate mount point: /t'),
    );
    assert.throws(() => specWith({ Tmpfs: { '/t': 'source=/etc' } }), refusal('invalid tmpfs option ["source=/etc"]'));
  });

  it('size /dev/shm', () => {
    assert.equal(
      specWith({ IpcMode: 'none' }).mounts.some(({ destination }) => destination === '/dev/shm'),
      false,
    );
    const shm = specWith({ ShmSize: 4096 }).mounts.find(({ destination }) => destination === '/dev/shm');
    assert.ok(shm?.options.includes('size=4096'));
  });
});

describe('capabilities of a container', () => {
  it('are the default ones with additions and removals, in any spelling', () => {
    assert.deepEqual(held({ CapAdd: ['net_admin'], CapDrop: ['CAP_KILL'] }), [
      'CAP_CHOWN',
      'CAP_SETPCAP',
      'CAP_NET_ADMIN',
    ]);
    assert.deepEqual(held({ CapDrop: ['ALL'], CapAdd: ['chown'] }), ['CAP_CHOWN']);
    assert.deepEqual(held({ CapAdd: ['all'], CapDrop: ['sys_admin'] }), host.capabilities.slice(0, 4));
  });

  it('are refused when unknown or out of the daemon’s reach', () => {
    assert.throws(() => held({ CapAdd: ['FLY'] }), refusal('invalid CapAdd: unknown capability: "CAP_FLY"'));
    assert.throws(() => held({ CapAdd: ['SYS_RESOURCE'] }), /CAP_SYS_RESOURCE/);
  });
});

describe('seccomp of a container', () => {
  it('keeps mounting and io_uring away, and opens with CAP_SYS_ADMIN what needs it', () => {
    const plain = namesAllowed({});
    const admin = namesAllowed({ CapAdd: ['SYS_ADMIN'] });
    assert.deepEqual([plain.has('read'), plain.has('mount'), plain.has('io_uring_setup')], [true, false, false]);
    assert.deepEqual([admin.has('mount'), admin.has('clone'), admin.has('io_uring_setup')], [true, true, false]);
  });

  it('hides clone3 behind ENOSYS, so that libc falls back to the clone that can be checked', () => {
    const rules = specWith({}).linux.seccomp?.syscalls ?? [];
    assert.deepEqual(
      rules.filter(({ names }) => names.includes('clone3')),
      [{ names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 }],
    );
  });

  it('follows a profile of the user, conditions and all', () => {
    const profile = {
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [
        { names: ['mkdir'], action: 'SCMP_ACT_ERRNO', errnoRet: 13 },
        { names: ['mount'], action: 'SCMP_ACT_ERRNO', excludes: { caps: ['CAP_CHOWN'] } },
        { names: ['chmod'], action: 'SCMP_ACT_ERRNO', includes: { arches: ['arm64'] } },
      ],
    };
    assert.deepEqual(specWith({ SecurityOpt: [`seccomp=${JSON.stringify(profile)}`] }).linux.seccomp?.syscalls, [
      { names: ['mkdir'], action: 'SCMP_ACT_ERRNO', errnoRet: 13 },
    ]);
    assert.throws(() => specWith({ SecurityOpt: ['seccomp=['] }), /Decoding seccomp profile failed/);
    assert.equal(specWith({ SecurityOpt: ['seccomp=unconfined'] }).linux.seccomp, undefined);
  });
});

describe('limits of a container', () => {
  it('turn into cgroup values as Docker turns them', () => {
    const { resources } = specWith({ Memory: 2 ** 26, NanoCpus: 1.5e9, PidsLimit: 20, CpusetCpus: '0-1' }).linux;
    assert.deepEqual(resources.memory, { limit: 2 ** 26, swap: 2 ** 27 });
    assert.deepEqual(resources.cpu, { quota: 150_000, period: 100_000, cpus: '0-1' });
    assert.deepEqual(resources.pids, { limit: 20 });
    assert.deepEqual(Object.keys(specWith({ Memory: 0, PidsLimit: null }).linux.resources), ['devices']);
    assert.deepEqual(specWith({ PidsLimit: -1 }).linux.resources.pids, undefined);
    assert.deepEqual(specWith({ CpuQuota: -1 }).linux.resources.cpu, undefined);
    assert.equal(specWith({ Memory: 2 ** 26, MemorySwap: -5 }).linux.resources.memory?.swap, -1);
  });

  it('never ask for more than the daemon may give', () => {
    const rlimits = (hard: number) => specWith({ Ulimits: [{ Name: 'nofile', Soft: 10, Hard: hard }] }).process.rlimits;
    assert.deepEqual(rlimits(20_000), [{ type: 'RLIMIT_NOFILE', soft: 10, hard: 20_000 }]);
    assert.throws(() => rlimits(20_001), /above this host's hard limit of 20000/);
    assert.equal(specWith({ OomScoreAdj: -500 }).process.oomScoreAdj, 0);
    assert.equal(specWith({ OomScoreAdj: 500 }).process.oomScoreAdj, 500);
  });

  it('pass devices on, a directory as all that is in it, and refuse those that are not there', () => {
    const { devices: nodes, resources } = specWith({
      Devices: [{ PathOnHost: '/dev/snd', PathInContainer: '/dev/sound', CgroupPermissions: 'r' }],
      DeviceCgroupRules: ['b 8:* rw'],
    }).linux;
    assert.deepEqual(
      nodes?.map(({ path, major }) => [path, major]),
      [['/dev/sound/seq', 116]],
    );
    assert.deepEqual(resources.devices.slice(-2), [
      { allow: true, type: 'c', major: 116, minor: 1, access: 'r' },
      { allow: true, type: 'b', major: 8, access: 'rw' },
    ]);
    assert.throws(
      () => specWith({ Devices: [{ PathOnHost: '/dev/nope' }] }),
      /"\/dev\/nope": no such file or directory/,
    );
    assert.throws(() => specWith({ Devices: [{ PathOnHost: '/etc/passwd' }] }), /"\/etc\/passwd": not a device node/);
    const [escaped] =
      specWith({ Devices: [{ PathOnHost: '/dev/sda', PathInContainer: '../../x' }] }).linux.devices ?? [];
    assert.equal(escaped?.path, '/x', 'no path leads out of the root');
    assert.throws(() => specWith({ DeviceCgroupRules: ['x'] }), refusal("invalid device cgroup rule format: 'x'"));
  });
});

describe('execProcess', () => {
  it('takes over what the exec does not say, never the terminal', () => {
    const container = specWith({}, { tty: true, consoleSize: { height: 1, width: 2 }, env: ['A=1', 'B=2'] }).process;
    const process = execProcess({
      container,
      args: ['id'],
      env: ['B=3', 'C=4'],
      cwd: undefined,
      user: { uid: 5, gid: 6, additionalGids: [] },
      tty: false,
      privileged: true,
      boundingCapabilities: ['CAP_KILL'],
    });
    assert.equal(process.terminal, false);
    assert.equal(process.consoleSize, undefined);
    assert.deepEqual(process.env.slice(-4), ['TERM=xterm', 'A=1', 'B=3', 'C=4']);
    assert.deepEqual(process.capabilities, { bounding: ['CAP_KILL'] });
    assert.equal(process.cwd, '/');
  });
});

describe('mergeEnv', () => {
  it('replaces in place and takes bare names away', () => {
    assert.deepEqual(mergeEnv(['A=1', 'B=2'], ['A=3', 'B', 'C=']), ['A=3', 'C=']);
  });
});
