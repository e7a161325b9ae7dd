import assert from 'node:assert/strict';
import { readlinkSync } from 'node:fs';
import { suite, test } from 'node:test';

import { alpine, background, docker, inspect, stdoutOf } from './harness.ts';

/** Reads a limit where this machine keeps it: in the one hierarchy, or in the controller's own. */
function limit(one: string, own: string): string {
  return `cat /sys/fs/cgroup/${one} 2>/dev/null || cat /sys/fs/cgroup/${own}`;
}

suite('isolation', { concurrency: 3 }, () => {
  test('the process is pid 1 and sees only its own', async () => {
    assert.match(await alpine([], 'sh', '-c', 'echo $$; ls -d /proc/[0-9]* | wc -l'), /^1\n[1-3]$/);
  });

  test('namespaces are its own', async (t) => {
    const name = await background(t, [], 'sleep', '300');
    const pid = await inspect(name, '{{.State.Pid}}');
    for (const namespace of ['pid', 'mnt', 'uts', 'ipc', 'net']) {
      const own = readlinkSync(`/proc/${pid}/ns/${namespace}`);
      assert.notEqual(own, readlinkSync(`/proc/self/ns/${namespace}`), namespace);
    }
  });

  test('--network host and --pid host are shared, when they are asked for', async () => {
    assert.equal(
      await alpine(['--network', 'host'], 'readlink', '/proc/self/ns/net'),
      readlinkSync('/proc/self/ns/net'),
    );
  });

  test("capabilities are Docker's default set", async () => {
    const status = await alpine([], 'grep', '^Cap', '/proc/self/status');
    assert.match(status, /CapPrm:\t00000000a80425fb\nCapEff:\t00000000a80425fb\nCapBnd:\t00000000a80425fb/);
    const user = await alpine(['-u', 'worker'], 'grep', '^CapEff', '/proc/self/status');
    assert.equal(user, 'CapEff:\t0000000000000000');
  });

  test('--cap-drop and --cap-add change them', async () => {
    assert.equal(
      await alpine(['--cap-drop', 'ALL'], 'grep', '^CapEff', '/proc/self/status'),
      'CapEff:\t0000000000000000',
    );
    const added = await alpine(['--cap-drop', 'ALL', '--cap-add', 'NET_ADMIN'], 'grep', '^CapEff', '/proc/self/status');
    assert.equal(added, 'CapEff:\t0000000000001000');
  });

  test('seccomp filters, and mount is not permitted', async () => {
    assert.match(await alpine([], 'grep', '^Seccomp:', '/proc/self/status'), /2$/);
    assert.match(
      await alpine([], 'sh', '-c', 'mount -t tmpfs none /mnt 2>&1; unshare -r true 2>&1; true'),
      /(permission denied|not permitted)[^]*not permitted/i,
    );
    assert.match(
      await alpine(['--security-opt', 'seccomp=unconfined'], 'grep', '^Seccomp:', '/proc/self/status'),
      /0$/,
    );
  });

  test('--security-opt no-new-privileges holds', async () => {
    assert.match(
      await alpine(['--security-opt', 'no-new-privileges'], 'grep', '^NoNewPrivs', '/proc/self/status'),
      /1$/,
    );
  });

  test("the kernel's dangerous files are masked or read-only", async () => {
    assert.equal(
      await alpine(
        [],
        'sh',
        '-c',
        'wc -c < /proc/keys; ls -A /proc/acpi /sys/firmware 2>/dev/null | grep -v : | grep .; true',
      ),
      '0',
    );
    const writes = await alpine(
      [],
      'sh',
      '-c',
      'for f in /proc/sys/kernel/hostname /proc/sysrq-trigger /sys/kernel/x; do echo x 2>/dev/null > $f || echo refused; done 2>/dev/null',
    );
    assert.equal(writes, 'refused\nrefused\nrefused');
  });

  test('devices are the few that every program expects', async () => {
    const devices = (await alpine([], 'ls', '/dev')).split('\n');
    for (const device of [
      'full',
      'fd',
      'mqueue',
      'null',
      'ptmx',
      'pts',
      'random',
      'shm',
      'stderr',
      'stdin',
      'stdout',
      'tty',
      'urandom',
      'zero',
    ]) {
      assert.ok(devices.includes(device), device);
    }
    assert.ok(!devices.some((device) => /^(vd|sd|loop|kmsg|mem)/.test(device)), devices.join(' '));
    assert.match(
      await alpine([], 'sh', '-c', 'mknod /tmp/disk b 254 0 && head -c 1 /tmp/disk 2>&1; true'),
      /not permitted/,
    );
  });

  test('/proc, /sys, /dev/shm and the cgroup are mounted as usual', async () => {
    const mounts = await alpine([], 'cat', '/proc/mounts');
    for (const line of [
      / \/ overlay rw/,
      / \/proc proc rw,nosuid,nodev,noexec/,
      / \/sys sysfs ro,/,
      / \/dev\/shm tmpfs rw,.*size=65536k/,
      / \/sys\/fs\/cgroup(\/\S+)? cgroup2? ro,/,
    ]) {
      assert.match(mounts, line);
    }
    assert.match(await alpine(['--shm-size', '8m'], 'grep', '/dev/shm', '/proc/mounts'), /size=8192k/);
  });

  test('the host root cannot be seen', async () => {
    assert.equal(
      await alpine([], 'sh', '-c', 'ls /proc/1/root/; ls -d /work /repo /home/user 2>/dev/null; true').then((text) =>
        text.includes('work'),
      ),
      false,
    );
  });
});

suite('limits', { concurrency: 3 }, () => {
  test('memory', async () => {
    assert.equal(
      await alpine(['-m', '64m'], 'sh', '-c', limit('memory.max', 'memory/memory.limit_in_bytes')),
      '67108864',
    );
  });

  test('too much memory ends the process, and inspect says why', async (t) => {
    const name = await background(
      t,
      ['-m', '16m'],
      'sh',
      '-c',
      'x=$(head -c 100m /dev/zero | tr "\\0" x); echo survived',
    );
    assert.equal(await stdoutOf(['wait', name]), '137');
    assert.equal(await inspect(name, '{{.State.OOMKilled}} {{.State.ExitCode}}'), 'true 137');
    assert.equal((await docker(['logs', name])).stdout, '');
  });

  test('cpus, shares and sets', async () => {
    const quota = limit('cpu.max', 'cpu/cpu.cfs_quota_us');
    assert.match(await alpine(['--cpus', '0.5'], 'sh', '-c', quota), /^50000( 100000)?$/);
    assert.match(await alpine(['-c', '512'], 'sh', '-c', limit('cpu.weight', 'cpu/cpu.shares')), /^(512|20|59)$/);
    assert.equal(
      await alpine(['--cpuset-cpus', '0'], 'sh', '-c', 'grep Cpus_allowed_list /proc/self/status | cut -f2'),
      '0',
    );
  });

  test('pids', async () => {
    assert.equal(await alpine(['--pids-limit', '20'], 'sh', '-c', limit('pids.max', 'pids/pids.max')), '20');
    assert.match(
      await alpine(['--pids-limit', '5'], 'sh', '-c', '(for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait) 2>&1; true'),
      /can't fork/,
    );
  });

  test('ulimits', async () => {
    assert.equal(await alpine(['--ulimit', 'nofile=99:100'], 'sh', '-c', 'ulimit -Sn; ulimit -Hn'), '99\n100');
  });

  test('nonsense is refused', async () => {
    const tooSmall = await docker(['run', '--rm', '-m', '1m', 'alpine']);
    assert.equal(tooSmall.code, 125);
    assert.match(tooSmall.stderr, /Minimum memory limit allowed is 6MB/);
    const tooMany = await docker(['run', '--rm', '--cpus', '1000', 'alpine']);
    assert.match(tooMany.stderr, /Range of CPUs is from 0\.01 to \d+\.00/);
  });
});
