import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { alpine, api, failureOf, inspect, library, reserve, stdoutOf, uniqueName } from './harness.ts';

/** Host configurations that cannot work on any host, with what the answer says. */
const wrongHostConfigs: readonly (readonly [object, RegExp])[] = [
  [{ CapAdd: ['NONSENSE'] }, /invalid CapAdd: unknown capability: "CAP_NONSENSE"/],
  [{ CgroupnsMode: 'nonsense' }, /invalid cgroup namespace mode: nonsense/],
  [{ CpuPeriod: 10 }, /CPU cfs period can not be less than 1ms/],
  [{ CpuQuota: 10 }, /CPU cfs quota can not be less than 1ms/],
  [{ CpusetCpus: 'first' }, /Invalid value first for cpuset cpus/],
  [{ CpusetCpus: '4000' }, /Requested CPUs are not available - requested 4000, available: \d/],
  [{ CpusetMems: '1000' }, /Requested memory nodes are not available - requested 1000, available: \d/],
  [{ ExtraHosts: ['host'] }, /bad format for add-host: "host"/],
  [{ ExtraHosts: ['host:address'] }, /invalid IP address in add-host: "address"/],
  [{ Memory: 1 }, /[Mm]inimum memory limit allowed is 6MB/],
  [{ Memory: 2 ** 26, MemorySwap: 2 ** 25 }, /[Mm]inimum memoryswap limit should be larger than memory limit/],
  [{ MemorySwap: 2 ** 26 }, /[Yy]ou should always set the Memory limit when using Memoryswap limit/],
  [{ Memory: 2 ** 25, MemoryReservation: 2 ** 26 }, /can not be less than memory reservation limit/],
  [{ MemoryReservation: 1 }, /[Mm]inimum memory reservation allowed is 6MB/],
  [{ Mounts: [{ Type: 'nonsense', Target: '/a' }] }, /mount type unknown/],
  [{ Mounts: [{ Type: 'bind', Target: '/a' }] }, /field Source must not be empty/],
  [{ Mounts: [{ Type: 'bind', Source: '/nonsense', Target: '/a' }] }, /bind source path does not exist: \/nonsense/],
  [{ Mounts: [{ Type: 'tmpfs', Source: '/x', Target: '/a' }] }, /field Source must not be specified/],
  [{ NanoCpus: 1e12 }, /[Rr]ange of CPUs is from 0\.01 to \d+\.00/],
  [{ NanoCpus: 1e9, CpuQuota: 50_000 }, /Conflicting options: Nano CPUs and CPU Quota cannot both be set/],
  [{ OomScoreAdj: 1001 }, /range for oom score adj is \[-1000, 1000\]/],
  [{ ShmSize: -1 }, /SHM size can not be less than 0/],
  [{ Tmpfs: { '/': '' } }, /destination can't be '\/'/],
  [{ Tmpfs: { relative: '' } }, /'relative' mount path must be absolute/],
  [{ UTSMode: 'host' }, /conflicting options: hostname and the UTS mode/],
];

suite('refusals', { concurrency: 4 }, () => {
  test('a host configuration that cannot work is refused before anything is made', async () => {
    for (const [HostConfig, message] of wrongHostConfigs) {
      const name = uniqueName();
      const body = { Image: library('alpine'), Hostname: 'box', HostConfig };
      const answer = await api('POST', `/containers/create?name=${name}`, { body });
      assert.equal(answer.status, 400, JSON.stringify(HostConfig));
      assert.match((answer.json() as { message: string }).message, message);
      assert.equal((await api('GET', `/containers/${name}/json`)).status, 404);
    }
  });

  test('binds that contradict themselves are refused', async () => {
    for (const bind of ['', '/a:/b:ro,rw', '/a:/b:/c:ro', '/a:relative', '/a:/']) {
      const body = { Image: library('alpine'), HostConfig: { Binds: [bind] } };
      const { status } = await api('POST', `/containers/create?name=${uniqueName()}`, { body });
      // Docker has answered 500 here for a long time.
      assert.ok([400, 500].includes(status), `${bind}: ${status}`);
    }
  });

  test('a limit that cannot be right is told before an image is looked for', async () => {
    const body = { Image: `${library('alpine')}:nonsense`, HostConfig: { Memory: 1 } };
    assert.equal((await api('POST', '/containers/create', { body })).status, 400);
    assert.equal((await api('POST', '/containers/create', { body: { Image: body.Image } })).status, 404);
  });

  test('a network that there is not is missed when the container starts, not when it is made', async (t) => {
    const name = reserve(t);
    await stdoutOf(['create', '--network', 'nonsense', '--name', name, library('alpine'), 'true']);
    assert.equal(await inspect(name, '{{.HostConfig.NetworkMode}} {{.State.Status}}'), 'nonsense created');
    assert.match(await failureOf(1, ['start', name]), /network nonsense not found/);
    const refused = await failureOf(125, ['run', '--rm', '--network', 'nonsense', library('alpine'), 'true']);
    assert.doesNotMatch(refused, /[Pp]ull/);
  });

  test('a mount that is named among the volumes as well is one mount', async (t) => {
    const name = reserve(t);
    const body = {
      Image: library('alpine'),
      Cmd: ['ls', '-d', '/there'],
      Volumes: { '/there': {} },
      HostConfig: { Binds: ['/tmp:/there:ro'] },
    };
    assert.equal((await api('POST', `/containers/create?name=${name}`, { body })).status, 201);
    assert.equal(await stdoutOf(['start', '-a', name]), '/there');
    assert.equal(await inspect(name, '{{len .Mounts}} {{(index .Mounts 0).RW}}'), '1 false');
  });

  test('inspect has every key of a host configuration, whatever was asked for', async (t) => {
    const name = reserve(t);
    await api('POST', `/containers/create?name=${name}`, { body: { Image: library('alpine') } });
    const { HostConfig } = (await api('GET', `/containers/${name}/json`)).json() as { HostConfig: object };
    const keys = ['Binds', 'CapAdd', 'Devices', 'Dns', 'ExtraHosts', 'Privileged', 'ReadonlyRootfs', 'VolumesFrom'];
    assert.deepEqual(
      keys.filter((key) => !(key in HostConfig)),
      [],
    );
  });

  test('a start that the host refuses leaves no trace, and another can follow', async (t) => {
    const name = reserve(t);
    await failureOf(125, ['run', '--cpuset-cpus', '4000', '--name', name, library('alpine'), 'true']);
    await failureOf(127, ['run', '--rm', library('alpine'), 'nonsense']);
    assert.equal(await alpine([], 'echo', 'well'), 'well');
  });
});
