import { readFileSync } from 'node:fs';

import {
  bytesFlag,
  flagHelp,
  GantryError,
  hasCode,
  integerFlag,
  listFlag,
  logLevels,
  mapFlag,
  messageOf,
  parseFlags,
  parseUlimit,
  switchFlag,
  textFlag,
  valueFlag,
  type Flag,
  type LogLevel,
  type Ulimit,
} from '../base/index.ts';

const defaultConfigFile = '/etc/gantry/daemon.json';
export const defaultHost = 'unix:///run/gantry/gantry.sock';

/** The flags of gantryd: dockerd's names for what exists. One definition for the command line, help and daemon.json. */
const flags = {
  'add-runtime': mapFlag('Register an additional OCI compatible runtime (name=path)'),
  bip: textFlag('Specify default-bridge IPv4 network (address with prefix)'),
  bridge: textFlag('Attach containers to a network bridge', { short: 'b' }),
  'cgroup-parent': textFlag('Set parent cgroup for all containers'),
  'config-file': textFlag('Daemon configuration file', { initial: defaultConfigFile }),
  'data-root': textFlag('Root directory of persistent state', { initial: '/var/lib/gantry' }),
  debug: switchFlag('Enable debug mode', { short: 'D' }),
  'default-cgroupns-mode': textFlag('Default mode for containers cgroup namespace ("host" | "private")'),
  'default-runtime': textFlag('Default OCI runtime for containers'),
  'default-shm-size': bytesFlag('Default shm size for containers', { initial: 2 ** 26, shownDefault: '64MiB' }),
  'default-ulimit': valueFlag<readonly Ulimit[]>('Default ulimits for containers', 'ulimit', [], (text, before) => {
    const ulimit = parseUlimit(text);
    return [...before.filter(({ Name }) => Name !== ulimit.Name), ulimit];
  }),
  'exec-root': textFlag('Root directory for execution state files', { initial: '/run/gantry' }),
  group: textFlag('Group for the unix socket', { short: 'G' }),
  host: listFlag('Daemon socket(s) to connect to (unix://, tcp://)', { short: 'H' }),
  init: switchFlag('Run an init in the container to forward signals and reap processes'),
  'init-path': textFlag('Path to the init program of --init'),
  'insecure-registry': listFlag('Enable insecure registry communication'),
  'ip-masq': switchFlag('Enable IP masquerading', { initial: true }),
  iptables: switchFlag('Enable addition of firewall rules', { initial: true }),
  label: listFlag('Set key=value labels to the daemon'),
  'live-restore': switchFlag('Leave containers running when the daemon stops', { initial: true }),
  'log-driver': textFlag('Default driver for container logs', { initial: 'json-file' }),
  'log-level': textFlag('Set the logging level (debug, info, warn, error, fatal)', { short: 'l', initial: 'info' }),
  'log-opt': mapFlag('Default log driver options for containers'),
  'max-concurrent-downloads': integerFlag('Set the max concurrent downloads', { initial: 3 }),
  mtu: integerFlag('Set the default network MTU', { initial: 1500 }),
  pidfile: textFlag('Path to use for daemon PID file', { shownDefault: '<exec-root>/gantryd.pid' }),
  'registry-mirror': listFlag('Preferred registry mirror'),
  'shutdown-timeout': integerFlag('Set the shutdown timeout in seconds', { initial: 15 }),
  validate: switchFlag('Validate daemon configuration and exit'),
  version: switchFlag('Print version information and quit', { short: 'v' }),
};

type FlagName = keyof typeof flags;

/** Keys of daemon.json that stand for several flags of one name. */
const fileKeys: Readonly<Record<string, FlagName>> = {
  hosts: 'host',
  'default-ulimits': 'default-ulimit',
  labels: 'label',
  'insecure-registries': 'insecure-registry',
  'registry-mirrors': 'registry-mirror',
  'log-opts': 'log-opt',
  runtimes: 'add-runtime',
};
/** Flags that are no keys of the file by their own name. */
const notInFile: ReadonlySet<string> = new Set([...Object.values(fileKeys), 'config-file', 'validate', 'version']);

export interface RuntimeChoice {
  readonly name: string;
  readonly path: string;
  readonly args: readonly string[];
}

/** The daemon's options, checked; what is undefined is decided by what the host offers. */
export interface DaemonOptions {
  readonly hosts: readonly string[];
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly pidfile: string | undefined;
  readonly group: string | undefined;
  readonly logLevel: LogLevel;
  readonly debug: boolean;
  readonly registryMirrors: readonly string[];
  readonly insecureRegistries: readonly string[];
  readonly runtimes: readonly RuntimeChoice[];
  readonly defaultRuntime: string | undefined;
  readonly bridge: string;
  /** Whether the bridge was named: it is then somebody else's. */
  readonly bridgeAddress: string | undefined;
  readonly firewall: boolean;
  readonly masquerade: boolean;
  readonly mtu: number;
  readonly maxConcurrentDownloads: number;
  readonly shutdownTimeoutSeconds: number;
  readonly labels: readonly string[];
  readonly cgroupParent: string;
  readonly liveRestore: boolean;
  readonly logDriver: string;
  readonly logOptions: Readonly<Record<string, string>>;
  readonly initPath: string | undefined;
  readonly init: boolean;
  readonly defaultUlimits: readonly Ulimit[];
  readonly defaultShmSizeBytes: number;
  /** Undefined: `host` on cgroup v1, as Docker has it, and `private` on v2. */
  readonly defaultCgroupnsMode: 'private' | 'host' | undefined;
}

export type DaemonCommand =
  | { readonly kind: 'run'; readonly options: DaemonOptions }
  | { readonly kind: 'validate'; readonly options: DaemonOptions }
  | { readonly kind: 'version' }
  | { readonly kind: 'help'; readonly text: string };

/** What the command line asks for, completed from the configuration file. Throws `invalid` for whatever is not understood. */
export function parseDaemonCommand(args: readonly string[], columns: number): DaemonCommand {
  if (args.includes('--help') || args.includes('-h')) return { kind: 'help', text: helpText(columns) };
  const parsed = parseFlags(flags, args);
  if (parsed.positionals.length > 0) {
    throw new GantryError('invalid', `"gantryd" accepts no arguments: ${parsed.positionals.join(' ')}`);
  }
  if (parsed.values.version) return { kind: 'version' };
  const file = readConfigFile(parsed.values['config-file'], parsed.changed.has('config-file'));
  const options = toOptions({ ...parsed.values, ...fromFile(file, parsed.changed) }, runtimeArguments(file));
  return { kind: parsed.values.validate ? 'validate' : 'run', options };
}

function helpText(columns: number): string {
  return `\nUsage:  gantryd [OPTIONS]\n\nA container engine that serves the Docker Engine API.\n\nOptions:\n${flagHelp(flags, columns)}`;
}

type JsonObject = Readonly<Record<string, unknown>>;

function readConfigFile(path: string, wasNamed: boolean): JsonObject {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT') && !wasNamed) return {};
    throw new GantryError('invalid', `unable to configure the daemon with file ${path}: ${messageOf(error)}`);
  }
  try {
    const value: unknown = JSON.parse(text === '' ? '{}' : text);
    if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new Error('not a JSON object');
    return value as JsonObject;
  } catch (error) {
    throw new GantryError('invalid', `unable to configure the daemon with file ${path}: ${messageOf(error)}`);
  }
}

/** The file's values by flag name, read by the flags' own parsers. A key that was also typed is refused, as dockerd does. */
function fromFile(file: JsonObject, typed: ReadonlySet<string>): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(file)) {
    const name = Object.hasOwn(fileKeys, key) ? (fileKeys[key] ?? key) : key;
    if (!Object.hasOwn(flags, name) || notInFile.has(key)) {
      throw new GantryError('invalid', `the following directives don't match any configuration option: ${key}`);
    }
    if (typed.has(name)) {
      throw new GantryError(
        'invalid',
        `the following directives are specified both as a flag and in the configuration file: ${key}`,
      );
    }
    values[name] = readFileValue(key, flags[name as FlagName], value);
  }
  return values;
}

function readFileValue(key: string, flag: Flag<unknown>, value: unknown): unknown {
  const texts = fileTexts(key, value);
  try {
    return texts.reduce((before, text) => flag.read(text, before), flag.initial);
  } catch (error) {
    throw new GantryError(
      'invalid',
      `invalid value for ${JSON.stringify(key)} in the configuration file: ${messageOf(error)}`,
    );
  }
}

function fileTexts(key: string, value: unknown): string[] {
  if (Array.isArray(value)) return value.map(String);
  if (value !== null && typeof value === 'object') {
    return Object.entries(value).map(([name, entry]) => `${name}=${entryText(key, name, entry)}`);
  }
  return [String(value)];
}

function entryText(key: string, name: string, entry: unknown): string {
  if (key === 'runtimes') return runtimePath(name, entry);
  return key === 'default-ulimits' ? ulimitText(name, entry) : String(entry);
}

/** `{"Name": "nofile", "Soft": 1024, "Hard": 2048}`, as dockerd's file has it. */
function ulimitText(name: string, entry: unknown): string {
  const { Soft, Hard } = (entry ?? {}) as { readonly Soft?: unknown; readonly Hard?: unknown };
  if (typeof Soft !== 'number' || typeof Hard !== 'number') {
    throw new GantryError('invalid', `the ulimit ${name} needs "Soft" and "Hard", both numbers`);
  }
  return `${Soft}:${Hard}`;
}

function runtimePath(name: string, entry: unknown): string {
  const path = entry !== null && typeof entry === 'object' ? (entry as { path?: unknown }).path : undefined;
  if (typeof path === 'string') return path;
  throw new GantryError('invalid', `the runtime ${JSON.stringify(name)} of the configuration file has no "path"`);
}

function runtimeArguments(file: JsonObject): ReadonlyMap<string, readonly string[]> {
  const runtimes = Object.entries((file['runtimes'] ?? {}) as Record<string, { runtimeArgs?: unknown }>);
  return new Map(
    runtimes.map(([name, { runtimeArgs }]) => [name, Array.isArray(runtimeArgs) ? runtimeArgs.map(String) : []]),
  );
}

type Values = ReturnType<typeof parseFlags<typeof flags>>['values'];

function cgroupnsMode(text: string): DaemonOptions['defaultCgroupnsMode'] {
  if (text === '') return undefined;
  if (text === 'host' || text === 'private') return text;
  throw new GantryError('invalid', `default cgroup namespace mode (${text}) is invalid. Use "host" or "private"`);
}

function toOptions(values: Values, args: ReadonlyMap<string, readonly string[]>): DaemonOptions {
  const level = values['log-level'];
  if (!(logLevels as readonly string[]).includes(level)) {
    throw new GantryError('invalid', `unable to parse logging level: ${level}`);
  }
  for (const root of ['data-root', 'exec-root'] as const) {
    if (!values[root].startsWith('/'))
      throw new GantryError('invalid', `--${root} must be an absolute path: ${values[root]}`);
  }
  if (values['max-concurrent-downloads'] < 1) {
    throw new GantryError('invalid', `invalid max concurrent downloads: ${values['max-concurrent-downloads']}`);
  }
  return {
    hosts: values.host.length === 0 ? [defaultHost] : values.host,
    dataRoot: values['data-root'],
    execRoot: values['exec-root'],
    pidfile: values.pidfile || undefined,
    group: values.group || undefined,
    logLevel: values.debug ? 'debug' : (level as LogLevel),
    debug: values.debug,
    registryMirrors: values['registry-mirror'],
    insecureRegistries: values['insecure-registry'],
    runtimes: [...values['add-runtime']].map(([name, path]) => ({ name, path, args: args.get(name) ?? [] })),
    defaultRuntime: values['default-runtime'] || undefined,
    bridge: values.bridge || 'gantry0',
    bridgeAddress: values.bip || undefined,
    firewall: values.iptables,
    masquerade: values['ip-masq'],
    mtu: values.mtu,
    maxConcurrentDownloads: values['max-concurrent-downloads'],
    shutdownTimeoutSeconds: values['shutdown-timeout'],
    labels: values.label,
    cgroupParent: values['cgroup-parent'] || '/gantry',
    liveRestore: values['live-restore'],
    logDriver: values['log-driver'],
    logOptions: Object.fromEntries(values['log-opt']),
    initPath: values['init-path'] || undefined,
    init: values.init,
    defaultUlimits: values['default-ulimit'],
    defaultShmSizeBytes: values['default-shm-size'],
    defaultCgroupnsMode: cgroupnsMode(values['default-cgroupns-mode']),
  };
}
