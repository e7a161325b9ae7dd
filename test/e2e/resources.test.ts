/** Limits, judged by what a container can really use. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import path from 'node:path';
import { suite, test, type TestContext } from 'node:test';

import {
  alpine,
  api,
  background,
  docker,
  failureOf,
  inspect,
  library,
  reserve,
  stdoutOf,
  uniqueName,
} from './harness.ts';

/** Whether this machine has one hierarchy of control groups or several. */
const isUnified = existsSync('/sys/fs/cgroup/cgroup.controllers');

/** A file of the container's own cgroup, as the container sees it. */
function cgroupFile(unified: string, controller: string, file: string): string {
  return isUnified ? `/sys/fs/cgroup/${unified}` : `/sys/fs/cgroup/${controller}/${file}`;
}

function script(...lines: string[]): string[] {
  return ['sh', '-c', lines.join('\n')];
}

/** A block device of this machine; nothing is ever read from it or written to it. */
function blockDevice(): { path: string; number: string } {
  const [name = ''] = readdirSync('/sys/block').sort((a, b) => Number(b === 'loop0') - Number(a === 'loop0'));
  return { path: `/dev/${name}`, number: readFileSync(`/sys/block/${name}/dev`, 'utf8').trim() };
}

/** How a container may open a file: that is what the device cgroup rules on. Nothing is read or written. */
function opened(file: string, options: readonly string[], before = 'true'): Promise<string> {
  return alpine(
    options,
    ...script(
      before,
      `sh -c 'true < ${file}' 2>/dev/null && echo read`,
      `sh -c 'true >> ${file}' 2>/dev/null && echo write`,
      'true',
    ),
  );
}

/** The cgroups of a container's init, as the host names them. */
async function pathsOf(container: string): Promise<string> {
  return readFileSync(`/proc/${await inspect(container, '{{.State.Pid}}')}/cgroup`, 'utf8');
}

/** Takes the empty cgroups of a parent away in every hierarchy: engines leave them. */
function removeParent(t: TestContext, parent: string): void {
  t.after(() => {
    for (const root of ['.', ...readdirSync('/sys/fs/cgroup')]) {
      const dir = path.join('/sys/fs/cgroup', root, parent);
      if (existsSync(dir)) rmdirSync(dir);
    }
  });
}

const mib = (count: number): string => String(count * 2 ** 20);

/** Writes 4 MiB, and says when there is no room. */
const fill = (file: string): string => `dd if=/dev/zero of=${file} bs=1M count=4 2>&1 | grep -o "No space left"`;

suite('what a container can use', { concurrency: 3 }, () => {
  test('half a CPU is half a CPU', async () => {
    const output = await alpine(
      ['--cpus', '0.5'],
      ...script(
        `statistics() { cat ${cgroupFile('cpu.stat', 'cpu', 'cpu.stat')}; }`,
        'throttled() { statistics | sed -n "s/^nr_throttled //p"; }',
        'while [ $(throttled) -lt 8 ]; do i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done; done',
        'statistics',
        isUnified ? 'true' : 'echo usage_nsec $(cat /sys/fs/cgroup/cpuacct/cpuacct.usage)',
      ),
    );
    const count = (name: string): number => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(output)?.[1]);
    const usedMs = isUnified ? count('usage_usec') / 1e3 : count('usage_nsec') / 1e6;
    const [periods, throttled] = [count('nr_periods'), count('nr_throttled')];
    // A period is 100 ms, and one that was throttled has used up its half. The kernel hands time out in slices of 5 ms, and a
    // busy machine may leave a period less than its half.
    assert.ok(usedMs <= periods * 65, output);
    assert.ok(usedMs >= throttled * 25, output);
  });

  test('processes beyond --pids-limit are refused, and -1 is no limit', async () => {
    const file = cgroupFile('pids.max', 'pids', 'pids.max');
    assert.equal(await alpine(['--pids-limit', '-1'], 'cat', file), 'max');
    const output = await alpine(
      ['--pids-limit', '6'],
      ...script('(for i in 1 2 3 4 5 6 7 8; do sleep 2 & done; wait) 2>&1; true'),
    );
    assert.match(output, /can't fork/);
  });

  test('memory and swap, the soft limit and swappiness are in the cgroup', async () => {
    const options = ['-m', '64m', '--memory-swap', '96m', '--memory-reservation', '32m'];
    const values = (extra: string[], ...files: string[]): Promise<string> =>
      alpine([...options, ...extra], 'cat', ...files.map((file) => `/sys/fs/cgroup/${file}`));
    if (isUnified) {
      const read = await values([], 'memory.max', 'memory.swap.max', 'memory.low');
      assert.deepEqual(read.split('\n'), [mib(64), mib(32), mib(32)]);
      return;
    }
    const files = ['limit_in_bytes', 'memsw.limit_in_bytes', 'soft_limit_in_bytes', 'swappiness'];
    const read = await values(['--memory-swappiness', '17'], ...files.map((file) => `memory/memory.${file}`));
    assert.deepEqual(read.split('\n'), [mib(64), mib(96), mib(32), '17']);
  });

  test('swap is as much as memory unless it is said, and -1 leaves it open', async (t) => {
    const swapOf = async (...options: string[]): Promise<string> => {
      const name = reserve(t);
      await stdoutOf(['create', '--name', name, '-m', '64m', ...options, library('alpine')]);
      return inspect(name, '{{.HostConfig.MemorySwap}}');
    };
    assert.equal(await swapOf(), String(128 * 2 ** 20));
    assert.equal(await swapOf('--memory-swap', '0'), String(128 * 2 ** 20));
    assert.equal(await swapOf('--memory-swap', '-1'), '-1');
  });

  test('ulimits hold, "unlimited" is unlimited, and an exec has them, too', async (t) => {
    const name = await background(t, ['--ulimit', 'nofile=60:60', '--ulimit', 'core=-1'], 'sleep', '300');
    const limits = [
      'sh',
      '-c',
      'grep -E "open files|core" /proc/self/limits; (eval "exec 59</dev/null") && echo last; (eval "exec 60</dev/null") 2>/dev/null || echo refused',
    ];
    const output = await stdoutOf(['exec', name, ...limits]);
    assert.match(output, /^Max core file size +unlimited +unlimited +bytes/m);
    assert.match(output, /^Max open files +60 +60 +files/m);
    assert.match(output, /last\nrefused$/);
    assert.match(await stdoutOf(['exec', name, 'cat', '/proc/1/limits']), /^Max core file size +unlimited +unlimited/m);
  });

  test('shared memory and a tmpfs are as large as they were asked for', async () => {
    const output = await alpine(
      ['--shm-size', '2m', '--tmpfs', '/scratch:size=1m,mode=701'],
      ...script(
        'df -k /dev/shm /scratch | awk "NR > 1 { print \\$2 }"',
        fill('/dev/shm/x'),
        fill('/scratch/x'),
        'stat -c %a /scratch',
      ),
    );
    assert.equal(output, '2048\n1024\nNo space left\nNo space left\n701');
  });

  test('a container without IPC has no shared memory', async () => {
    assert.equal(
      await alpine(['--ipc', 'none'], ...script('ls -d /dev/shm 2>/dev/null; grep -c shm /proc/mounts; true')),
      '0',
    );
  });

  test('rates of a block device are in the cgroup', async () => {
    const device = blockDevice();
    const options = ['--device-read-bps', `${device.path}:1mb`, '--device-write-iops', `${device.path}:50`];
    const files = isUnified
      ? ['io.max']
      : ['blkio/blkio.throttle.read_bps_device', 'blkio/blkio.throttle.write_iops_device'];
    const output = await alpine(options, 'cat', ...files.map((file) => `/sys/fs/cgroup/${file}`));
    if (isUnified) assert.match(output, new RegExp(`^${device.number} rbps=1048576 .*wiops=50`));
    else assert.equal(output, `${device.number} 1048576\n${device.number} 50`);
    assert.match(
      (await docker(['run', '--rm', '--device-read-bps', '/dev/nonsense:1mb', library('alpine')])).stderr,
      /stat \/dev\/nonsense: no such file or directory/,
    );
  });

  test('a weight that the kernel does not know is discarded, and the user is told', async (t) => {
    const name = reserve(t);
    const { stderr } = await docker(['create', '--blkio-weight', '300', '--name', name, library('alpine')]);
    const weight = await inspect(name, '{{.HostConfig.BlkioWeight}}');
    if (isUnified || existsSync('/sys/fs/cgroup/blkio/blkio.weight')) {
      assert.deepEqual([stderr, weight], ['', '300']);
    } else {
      assert.match(
        stderr,
        /Your kernel does not support Block I\/O weight or the cgroup is not mounted\. Weight discarded\./,
      );
      assert.equal(weight, '0');
    }
    assert.equal((await docker(['start', '-a', name])).code, 0);
  });

  test('--oom-score-adj, --sysctl and --group-add reach the process', async () => {
    const options = ['--oom-score-adj', '321', '--sysctl', 'net.core.somaxconn=123', '--group-add', '4321'];
    const output = await alpine(options, ...script('cat /proc/self/oom_score_adj /proc/sys/net/core/somaxconn; id -G'));
    assert.match(output, /^321\n123\n0 .*\b4321\b/);
  });

  test('what was asked for is what inspect shows', async (t) => {
    const name = reserve(t);
    const asked = {
      CpuShares: 512,
      CpusetCpus: '0',
      CpusetMems: '0',
      CpuPeriod: 50_000,
      CpuQuota: 20_000,
      Memory: 2 ** 26,
      MemoryReservation: 2 ** 25,
      MemorySwap: 2 ** 27,
      OomScoreAdj: 10,
      PidsLimit: 70,
      ShmSize: 2 ** 20,
      CgroupnsMode: 'private',
      CgroupParent: '/somewhere',
      Ulimits: [{ Name: 'nofile', Hard: 200, Soft: 100 }],
      Devices: [{ PathOnHost: '/dev/null', PathInContainer: '/dev/zilch', CgroupPermissions: 'rw' }],
      DeviceCgroupRules: ['c 1:3 r'],
      BlkioDeviceReadBps: [{ Path: blockDevice().path, Rate: 1000 }],
      BlkioDeviceWriteIOps: [{ Path: blockDevice().path, Rate: 10 }],
      GroupAdd: ['4321'],
      Sysctls: { 'net.core.somaxconn': '99' },
      Tmpfs: { '/scratch': 'size=1m' },
      Init: true,
      OomKillDisable: false,
    };
    const body = { Image: library('alpine'), HostConfig: asked };
    assert.equal((await api('POST', `/containers/create?name=${name}`, { body })).status, 201);
    const shown = (await api('GET', `/containers/${name}/json`)).json() as { HostConfig: Record<string, unknown> };
    const kept = Object.fromEntries(Object.keys(asked).map((key) => [key, shown.HostConfig[key]]));
    assert.deepEqual(kept, asked);
  });

  test('no limit of processes is shown as none, however it was said', async (t) => {
    for (const limit of ['0', '-1', '-7']) {
      const name = reserve(t);
      await stdoutOf(['create', '--pids-limit', limit, '--name', name, library('alpine')]);
      assert.equal(await inspect(name, '{{json .HostConfig.PidsLimit}}'), 'null', limit);
    }
  });
});

suite('devices', { concurrency: 3 }, () => {
  test('a device is there with the rights that were given, and else is not there', async () => {
    const { path: device } = blockDevice();
    assert.equal(await opened('/dev/mine', ['--device', `${device}:/dev/mine:r`]), 'read');
    assert.equal(await opened('/dev/mine', ['--device', `${device}:/dev/mine:rw`]), 'read\nwrite');
    assert.equal(await alpine([], 'sh', '-c', `ls ${device} 2>/dev/null; true`), '');
  });

  test('a node made inside works only as far as a rule allows it', async () => {
    const { number } = blockDevice();
    const made = (...rules: string[]): Promise<string> =>
      opened('/node', rules, `mknod /node b ${number.replace(':', ' ')}`);
    assert.equal(await made(), '');
    assert.equal(await made('--device-cgroup-rule', `b ${number} r`), 'read');
    assert.equal(await made('--device-cgroup-rule', `b ${number.split(':')[0]}:* rw`), 'read\nwrite');
  });

  test('a device that is not there is missed at the start', async (t) => {
    const name = reserve(t);
    await stdoutOf(['create', '--device', '/dev/nonsense', '--name', name, library('alpine'), 'true']);
    assert.match(
      await failureOf(1, ['start', name]),
      /error gathering device information while adding custom device "\/dev\/nonsense": no such file or directory/,
    );
  });

  test('GPUs are refused as where there is no driver for them', async (t) => {
    const name = reserve(t);
    await stdoutOf(['create', '--gpus', 'all', '--name', name, library('alpine'), 'true']);
    assert.match(
      await failureOf(1, ['start', name]),
      /could not select device driver "" with capabilities: \[\[gpu\]\]/,
    );
    assert.equal(await inspect(name, '{{.State.Status}} {{.State.ExitCode}}'), 'created 128');
  });
});

suite('cgroups', { concurrency: 3 }, () => {
  test('a container is under the parent that it was given', async (t) => {
    const parent = `/${uniqueName('parent')}`;
    removeParent(t, parent);
    // a relative one counts from the root, and none leads out of it
    for (const spelling of [parent, parent.slice(1), `../..${parent}`]) {
      const name = await background(t, ['--cgroup-parent', spelling], 'sleep', '300');
      const id = await inspect(name, '{{.Id}}');
      assert.match(await pathsOf(name), new RegExp(`^\\d+:.*:${parent}/${id}$`, 'm'), spelling);
      await docker(['rm', '-f', name]);
    }
  });

  test('a cgroup namespace of its own hides where it is, the host’s shows it', async (t) => {
    const own = await alpine(['--cgroupns', 'private'], 'cat', '/proc/self/cgroup');
    assert.match(own, /^(\d+:[^:]*:\/\n?)+$/);
    const name = await background(t, ['--cgroupns', 'host'], 'sleep', '300');
    assert.ok((await stdoutOf(['exec', name, 'cat', '/proc/1/cgroup'])).includes(await inspect(name, '{{.Id}}')));
    const other = reserve(t);
    await stdoutOf(['create', '--name', other, library('alpine')]);
    assert.equal(await inspect(other, '{{.HostConfig.CgroupnsMode}}'), isUnified ? 'private' : 'host');
  });
});

suite('an init', { concurrency: 3 }, () => {
  test('is process 1, passes signals on and takes the exit status over', async (t) => {
    const name = await background(t, ['--init'], 'sleep', '300');
    assert.match(await stdoutOf(['exec', name, 'ps']), /^ +1 root .*\/sbin\/docker-init -- sleep 300$/m);
    await stdoutOf(['kill', '-s', 'TERM', name]);
    // as process 1 a sleep would not have heeded it
    assert.equal(await stdoutOf(['wait', name]), '143');
    const status = await docker(['run', '--rm', '--init', library('alpine'), 'sh', '-c', 'exit 23']);
    assert.equal(status.code, 23);
  });

  test('reaps what loses its parent', async (t) => {
    const name = await background(t, ['--init'], 'sleep', '300');
    // Its output is its own: runc's exec ends only when nobody holds that of the command.
    const orphan = 'sh -c "echo \\$\\$ > /pid; until [ -e /go ]; do sleep 0.05; done" >/dev/null 2>&1 &';
    await stdoutOf(['exec', name, 'sh', '-c', `(${orphan}) ; until [ -s /pid ]; do sleep 0.05; done`]);
    const gone =
      'touch /go; for i in $(seq 200); do [ -d /proc/$(cat /pid) ] || { echo gone; exit; }; sleep 0.05; done';
    assert.equal(await stdoutOf(['exec', name, 'sh', '-c', gone]), 'gone');
  });

  test('is left out where the processes of the host are seen', async () => {
    const parent = await alpine(['--init', '--pid', 'host'], 'sh', '-c', 'cat /proc/$PPID/cmdline');
    assert.doesNotMatch(parent, /docker-init/);
  });
});
