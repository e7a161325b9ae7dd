/** From the flags of `run` and `create`, as meant, to the create request's body, in the API's field order. */
import { resolve } from 'node:path';

import type { ContainerCreateRequest, EndpointSettings, HealthConfig, HostConfig } from '../api/index.ts';
import type { ContainerValues } from './containerFlags.ts';
import { cut } from './containerValues.ts';
import { deviceRequestsOf, devicesOf } from './devices.ts';
import { securityOf } from './containerSecurity.ts';
import { readKeyValueFile, toRecord } from './keyValueFiles.ts';
import { plainNetwork, type NetworkAttachment } from './networks.ts';
import { parsePorts, type PortSettings } from './ports.ts';
import { parseRestart } from './restart.ts';
import type { World } from './world.ts';

export interface ContainerInput {
  readonly values: ContainerValues;
  readonly changed: ReadonlySet<string>;
  readonly image: string;
  readonly command: readonly string[];
}

function orNull<T>(items: readonly T[]): T[] | null {
  return items.length === 0 ? null : [...items];
}

function environmentOf(world: World, values: ContainerValues): string[] {
  const lookUp = (name: string): string | undefined => world.environment[name];
  const own = values.env.map((text) => {
    const value = text.includes('=') ? undefined : lookUp(text);
    return value === undefined ? text : `${text}=${value}`;
  });
  return [...values['env-file'].flatMap((path) => readKeyValueFile(world, path, lookUp)), ...own];
}

function labelsOf(world: World, values: ContainerValues): Record<string, string> {
  const files = values['label-file'].flatMap((path) => readKeyValueFile(world, path, () => undefined));
  return toRecord([...files, ...values.label]);
}

function healthOf(values: ContainerValues): HealthConfig | undefined {
  const times = {
    interval: Number(values['health-interval']),
    timeout: Number(values['health-timeout']),
    'start-period': Number(values['health-start-period']),
    'start-interval': Number(values['health-start-interval']),
    retries: values['health-retries'],
  };
  const given = values['health-cmd'] !== '' || Object.values(times).some((value) => value !== 0);
  if (values['no-healthcheck']) {
    if (given) throw new Error('--no-healthcheck conflicts with --health-* options');
    return { Test: ['NONE'] };
  }
  if (!given) return undefined;
  for (const [name, value] of Object.entries(times)) {
    if (value < 0) throw new Error(`--health-${name} cannot be negative`);
  }
  return {
    ...(values['health-cmd'] === '' ? {} : { Test: ['CMD-SHELL', values['health-cmd']] }),
    ...(times.interval === 0 ? {} : { Interval: times.interval }),
    ...(times.timeout === 0 ? {} : { Timeout: times.timeout }),
    ...(times['start-period'] === 0 ? {} : { StartPeriod: times['start-period'] }),
    ...(times['start-interval'] === 0 ? {} : { StartInterval: times['start-interval'] }),
    ...(times.retries === 0 ? {} : { Retries: times.retries }),
  };
}

/** A host path may be relative to where the user stands; everything else is the daemon's to judge. */
function bindOf(world: World, text: string): string {
  const [source, rest = ''] = cut(text, ':');
  return source.startsWith('.') ? `${resolve(world.workingDirectory, source)}:${rest}` : text;
}

function isBind(text: string): boolean {
  return text.indexOf(':') > 0;
}

function splitVolumes(world: World, volumes: readonly string[]): { binds: string[]; anonymous: string[] } {
  return {
    binds: volumes.filter(isBind).map((text) => bindOf(world, text)),
    anonymous: volumes.filter((text) => !isBind(text)),
  };
}

function restartOf(values: ContainerValues): NonNullable<HostConfig['RestartPolicy']> {
  const policy = parseRestart(values.restart);
  if (values.rm && policy.Name !== 'no' && policy.Name !== '') {
    throw new Error('conflicting options: cannot specify both --restart and --rm');
  }
  return policy;
}

function capability(text: string): string {
  const upper = text.trim().toUpperCase();
  return upper === 'ALL' || upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
}

/** Named as the kernel does, each once, in order. What contradicts itself is the daemon's to judge. */
function capabilitiesOf(names: readonly string[]): string[] | null {
  return orNull([...new Set(names.map(capability))].sort());
}

function logOf(values: ContainerValues): NonNullable<HostConfig['LogConfig']> {
  if (values['log-driver'] === 'none' && values['log-opt'].length > 0) {
    throw new Error('invalid logging opts for driver none');
  }
  type Type = NonNullable<NonNullable<HostConfig['LogConfig']>['Type']>;
  return { Type: values['log-driver'] as Type, Config: toRecord(values['log-opt']) };
}

function storageOf(values: ContainerValues): Record<string, string> {
  if (values['storage-opt'].some((text) => !text.includes('='))) throw new Error('invalid storage option');
  return toRecord(values['storage-opt']);
}

function checkModes(values: ContainerValues): void {
  const target = /^(?:|host|container:.+)$/;
  if (!target.test(values.pid)) throw new Error('--pid: invalid PID mode');
  if (!/^(?:|host)$/.test(values.uts)) throw new Error('--uts: invalid UTS mode');
  if (!/^(?:|host)$/.test(values.userns)) throw new Error('--userns: invalid USER mode');
  if (!/^(?:|host|private)$/.test(values.cgroupns)) throw new Error('--cgroupns: invalid CGROUP mode');
  const swappiness = values['memory-swappiness'];
  if (swappiness !== -1 && (swappiness < 0 || swappiness > 100)) {
    throw new Error(`invalid value: ${swappiness}. Valid memory swappiness range is 0-100`);
  }
  const mac = values['mac-address'];
  if (mac !== '' && !/^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i.test(mac))
    throw new Error(`${mac} is not a valid mac address`);
}

/** The first network takes the flags that speak of "the" network, as in the days when there was one. */
function networksOf(values: ContainerValues): NetworkAttachment[] {
  const given = [...values.network, ...values.net];
  const [first = plainNetwork('default'), ...others] = given;
  if (given.some((network) => network.target === '')) throw new Error('no name set for network');
  const kinds = new Set(given.map((network) => isUserDefined(network.target)));
  if (kinds.size > 1) {
    throw new Error('conflicting options: cannot attach both user-defined and non-user-defined network-modes');
  }
  const aliases = [...values['network-alias'], ...values['net-alias']];
  if (!isUserDefined(first.target) && aliases.length > 0) {
    throw new Error('network-scoped aliases are only supported for user-defined networks');
  }
  const merged: NetworkAttachment = {
    ...first,
    aliases: [...first.aliases, ...aliases],
    ipv4: values.ip || first.ipv4,
    ipv6: values.ip6 || first.ipv6,
    macAddress: values['mac-address'] || first.macAddress,
    linkLocalAddresses: [...first.linkLocalAddresses, ...values['link-local-ip']],
  };
  return [merged, ...others];
}

function isUserDefined(target: string): boolean {
  return !['default', 'bridge', 'host', 'none'].includes(target) && !target.startsWith('container:');
}

function endpointOf(network: NetworkAttachment, links: readonly string[]): EndpointSettings {
  const { ipv4, ipv6, linkLocalAddresses, driverOptions } = network;
  const addresses = {
    ...(ipv4 === '' ? {} : { IPv4Address: ipv4 }),
    ...(ipv6 === '' ? {} : { IPv6Address: ipv6 }),
    ...(linkLocalAddresses.length === 0 ? {} : { LinkLocalIPs: [...linkLocalAddresses] }),
  };
  const endpoint = {
    IPAMConfig: Object.keys(addresses).length === 0 ? null : addresses,
    Links: orNull(links),
    Aliases: orNull(network.aliases),
    MacAddress: network.macAddress,
    DriverOpts: Object.keys(driverOptions).length === 0 ? null : { ...driverOptions },
    GwPriority: network.gatewayPriority,
    NetworkID: '',
    EndpointID: '',
    Gateway: '',
    IPAddress: '',
    IPPrefixLen: 0,
    IPv6Gateway: '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    DNSNames: null,
  };
  return endpoint;
}

/** A built-in network that was asked for by name alone needs no settings. */
function isBare(network: NetworkAttachment): boolean {
  const { target, ...settings } = network;
  const { target: _name, ...defaults } = plainNetwork(target);
  return !isUserDefined(target) && JSON.stringify(settings) === JSON.stringify(defaults);
}

function endpointsOf(
  values: ContainerValues,
  networks: readonly NetworkAttachment[],
): Record<string, EndpointSettings> {
  const named = values.network.length + values.net.length > 0;
  const wanted = networks.filter((network) => !(named && isBare(network)));
  const linksOf = (index: number, target: string): readonly string[] =>
    index === 0 && isUserDefined(target) ? values.link : [];
  return Object.fromEntries(
    wanted.map((network, index) => [network.target, endpointOf(network, linksOf(index, network.target))]),
  );
}

/** The fields about resources, from CpuShares on. */
function resourcesOf(values: ContainerValues): object {
  return {
    CpuShares: values['cpu-shares'],
    Memory: values.memory,
    NanoCpus: values.cpus,
    CgroupParent: values['cgroup-parent'],
    BlkioWeight: values['blkio-weight'],
    BlkioWeightDevice: values['blkio-weight-device'],
    BlkioDeviceReadBps: values['device-read-bps'],
    BlkioDeviceWriteBps: values['device-write-bps'],
    BlkioDeviceReadIOps: values['device-read-iops'],
    BlkioDeviceWriteIOps: values['device-write-iops'],
    CpuPeriod: values['cpu-period'],
    CpuQuota: values['cpu-quota'],
    CpuRealtimePeriod: values['cpu-rt-period'],
    CpuRealtimeRuntime: values['cpu-rt-runtime'],
    CpusetCpus: values['cpuset-cpus'],
    CpusetMems: values['cpuset-mems'],
    Devices: devicesOf(values.device),
    DeviceCgroupRules: orNull(values['device-cgroup-rule']),
    DeviceRequests: deviceRequestsOf(values.device, values.gpus),
    MemoryReservation: values['memory-reservation'],
    MemorySwap: values['memory-swap'],
    MemorySwappiness: values['memory-swappiness'],
    OomKillDisable: values['oom-kill-disable'],
    PidsLimit: values['pids-limit'],
    Ulimits: [...values.ulimit.values()].sort((a, b) => (a.Name < b.Name ? -1 : 1)),
    CpuCount: 0,
    CpuPercent: 0,
    IOMaximumIOps: 0,
    IOMaximumBandwidth: 0,
  };
}

function tmpfsOf(values: ContainerValues): object {
  const entries = values.tmpfs.map((text) => {
    const [path, options] = cut(text, ':');
    return [path, options ?? ''] as const;
  });
  return entries.length === 0 ? {} : { Tmpfs: Object.fromEntries(entries) };
}

function nonEmpty(name: string, record: Readonly<Record<string, string>>): object {
  return Object.keys(record).length === 0 ? {} : { [name]: record };
}

function hostConfigOf(
  world: World,
  { values, changed }: ContainerInput,
  ports: PortSettings,
  networkMode: string,
  consoleSize: readonly [number, number],
): HostConfig {
  const security = securityOf(world, values['security-opt']);
  const config = {
    Binds: orNull(splitVolumes(world, values.volume).binds),
    ContainerIDFile: values.cidfile,
    LogConfig: logOf(values),
    NetworkMode: networkMode,
    PortBindings: ports.bindings,
    RestartPolicy: restartOf(values),
    AutoRemove: values.rm,
    VolumeDriver: values['volume-driver'],
    VolumesFrom: orNull(values['volumes-from']),
    ConsoleSize: consoleSize,
    ...nonEmpty('Annotations', Object.fromEntries(values.annotation)),
    CapAdd: capabilitiesOf(values['cap-add']),
    CapDrop: capabilitiesOf(values['cap-drop']),
    CgroupnsMode: values.cgroupns,
    Dns: values.dns,
    DnsOptions: [...values['dns-option'], ...values['dns-opt']],
    DnsSearch: values['dns-search'],
    ExtraHosts: orNull(values['add-host']),
    GroupAdd: orNull(values['group-add']),
    IpcMode: values.ipc,
    Cgroup: '',
    Links: orNull(values.link),
    OomScoreAdj: values['oom-score-adj'],
    PidMode: values.pid,
    Privileged: values.privileged,
    PublishAllPorts: values['publish-all'],
    ReadonlyRootfs: values['read-only'],
    SecurityOpt: security.options,
    ...nonEmpty('StorageOpt', storageOf(values)),
    ...tmpfsOf(values),
    UTSMode: values.uts,
    UsernsMode: values.userns,
    ShmSize: values['shm-size'],
    ...nonEmpty('Sysctls', Object.fromEntries(values.sysctl)),
    ...(values.runtime === '' ? {} : { Runtime: values.runtime }),
    Isolation: values.isolation,
    ...resourcesOf(values),
    ...(values.mount.length === 0 ? {} : { Mounts: values.mount }),
    MaskedPaths: security.systemPathsOpen ? [] : null,
    ReadonlyPaths: security.systemPathsOpen ? [] : null,
    ...(changed.has('init') ? { Init: values.init } : {}),
  };
  return config as unknown as HostConfig;
}

function attachedStreams({ attach, interactive }: ContainerValues): { in: boolean; out: boolean; error: boolean } {
  if (attach.length === 0) return { in: interactive, out: true, error: true };
  return { in: attach.includes('stdin'), out: attach.includes('stdout'), error: attach.includes('stderr') };
}

/**
 * The body of POST /containers/create. `consoleSize` is rows and columns, zeros when there is no terminal. Throws an Error
 * that says which option is wrong.
 */
export function createRequest(
  world: World,
  input: ContainerInput,
  consoleSize: readonly [number, number] = [0, 0],
): ContainerCreateRequest {
  const { values, changed } = input;
  checkModes(values);
  const ports = parsePorts(values.publish, values.expose);
  const attached = attachedStreams(values);
  const networks = networksOf(values);
  const health = healthOf(values);
  const { anonymous } = splitVolumes(world, values.volume);
  const body = {
    Hostname: values.hostname,
    Domainname: values.domainname,
    User: values.user,
    AttachStdin: attached.in,
    AttachStdout: attached.out,
    AttachStderr: attached.error,
    ...(Object.keys(ports.exposed).length === 0 ? {} : { ExposedPorts: ports.exposed }),
    Tty: values.tty,
    OpenStdin: values.interactive,
    StdinOnce: values.interactive && attached.in,
    Env: orNull(environmentOf(world, values)),
    Cmd: orNull(input.command),
    ...(health === undefined ? {} : { Healthcheck: health }),
    Image: input.image,
    Volumes: Object.fromEntries(anonymous.map((path) => [path, {}])),
    WorkingDir: values.workdir,
    Entrypoint: changed.has('entrypoint') ? [values.entrypoint] : null,
    OnBuild: null,
    Labels: labelsOf(world, values),
    ...(values['stop-signal'] === '' ? {} : { StopSignal: values['stop-signal'] }),
    ...(changed.has('stop-timeout') ? { StopTimeout: values['stop-timeout'] } : {}),
    HostConfig: hostConfigOf(world, input, ports, networks[0]?.target ?? 'default', consoleSize),
    NetworkingConfig: { EndpointsConfig: endpointsOf(values, networks) },
  };
  return body;
}
