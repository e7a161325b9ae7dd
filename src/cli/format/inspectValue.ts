/**
 * Gives an inspect answer the types that docker's client knows by its structs and JSON does not tell: which objects are maps
 * (a key that is not there is no error), which nulls are empty lists, and which fields may be left out.
 */
import { isPlainObject, NilMap, NilSlice } from './values.ts';

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '));

const lists = words(
  `Aliases Args Binds BlkioDeviceReadBps BlkioDeviceReadIOps BlkioDeviceWriteBps BlkioDeviceWriteIOps BlkioWeightDevice CapAdd CapDrop Cmd DNSNames
DeviceCgroupRules DeviceRequests Devices Dns DnsOptions DnsSearch Entrypoint Env ExecIDs ExtraHosts GroupAdd IPAMConfigs Layers Links LinkLocalIPs
MaskedPaths Mounts OnBuild ReadonlyPaths RepoDigests RepoTags SecondaryIPAddresses SecondaryIPv6Addresses SecurityOpt Shell Test Ulimits VolumesFrom`.replaceAll(
    '\n',
    ' ',
  ),
);
const maps = words(
  'Annotations Containers DriverOpts ExposedPorts Labels Networks Options PortBindings Ports StorageOpt Sysctls Tmpfs Volumes',
);

/** Fields that are left out when they are empty, by the field that holds them. */
const optional: Readonly<Record<string, readonly string[]>> = {
  State: ['Health'],
  Config: ['Healthcheck', 'Shell', 'StopSignal', 'StopTimeout', 'ExposedPorts', 'ArgsEscaped', 'NetworkDisabled'],
  HostConfig: ['Annotations', 'Init', 'Mounts', 'StorageOpt', 'Sysctls', 'Tmpfs'],
};

/** The answer, of JSON's types, for `Template.execute`. As JSON it stays what it was, but maps come out sorted. */
export function inspectValue(answer: unknown, name = ''): unknown {
  if (Array.isArray(answer)) return answer.map((one) => inspectValue(one));
  if (answer === null && lists.has(name)) return new NilSlice();
  if (answer === null && maps.has(name)) return new NilMap();
  if (!isPlainObject(answer)) return answer;
  const entries = Object.entries(answer).map(([key, value]) => [key, inspectValue(value, key)] as const);
  if (maps.has(name)) return new Map(entries);
  const missing = (Object.hasOwn(optional, name) ? (optional[name] ?? []) : []).filter(
    (key) => !Object.hasOwn(answer, key),
  );
  return Object.fromEntries([...entries, ...missing.map((key) => [key, undefined] as const)]);
}
