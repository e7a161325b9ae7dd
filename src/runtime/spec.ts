import { GantryError } from '../base/index.ts';

import { effectiveCapabilities, processCapabilities } from './capabilities.ts';
import { customSeccomp } from './customSeccomp.ts';
import { planDevices } from './devices.ts';
import { initDestination, planMounts, rootPropagation } from './mounts.ts';
import type { OciLinux, OciNamespace, OciProcess, OciSeccomp, OciSpec } from './ociSpec.ts';
import { oomScoreAdjOf, resourcesOf, rlimitsOf } from './resources.ts';
import { defaultSeccomp } from './seccomp.ts';
import { parseSecurityOptions } from './securityOptions.ts';
import type { NamespaceChoice, SpecInput } from './specInput.ts';

/** What a container has no view of (Docker's list). */
export const defaultMaskedPaths: readonly string[] = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];

/** What a container can see and not change (Docker's list). */
export const defaultReadonlyPaths: readonly string[] = [
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/sys',
  '/proc/sysrq-trigger',
];

const defaultPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * An environment on top of another: later entries replace earlier ones of the same name in place, a bare name takes the
 * variable away.
 */
export function mergeEnv(base: readonly string[], over: readonly string[]): string[] {
  const merged = new Map<string, string | undefined>();
  for (const entry of [...base, ...over]) {
    const at = entry.indexOf('=');
    merged.set(at < 0 ? entry : entry.slice(0, at), at < 0 ? undefined : entry);
  }
  return [...merged.values()].filter((entry) => entry !== undefined);
}

/** HOME is left to the OCI runtime: it looks it up in the container's own passwd, also for an exec by another user. */
function environment({ env, hostname, tty }: SpecInput): string[] {
  return mergeEnv([defaultPath, `HOSTNAME=${hostname}`, ...(tty ? ['TERM=xterm'] : [])], env);
}

function processOf(input: SpecInput, capabilities: readonly string[]): OciProcess {
  const { user, settings, host } = input;
  const { noNewPrivileges } = parseSecurityOptions(settings.SecurityOpt ?? []);
  const rlimits = rlimitsOf(settings, host);
  const oomScoreAdj = oomScoreAdjOf(settings, host);
  return {
    terminal: input.tty,
    ...(input.tty && input.consoleSize !== undefined ? { consoleSize: input.consoleSize } : {}),
    user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
    args: input.initPath === undefined ? input.args : [initDestination, '--', ...input.args],
    env: environment(input),
    cwd: input.cwd,
    capabilities: processCapabilities(capabilities, user.uid),
    noNewPrivileges,
    ...(oomScoreAdj === undefined ? {} : { oomScoreAdj }),
    ...(rlimits.length === 0 ? {} : { rlimits }),
  };
}

function namespaceEntry(type: OciNamespace['type'], choice: NamespaceChoice): OciNamespace[] {
  if (choice === 'host') return [];
  return [choice === 'private' ? { type } : { type, path: choice.path }];
}

function namespacesOf({ namespaces }: SpecInput): OciNamespace[] {
  return [
    { type: 'mount' },
    ...namespaceEntry('network', namespaces.network),
    ...namespaceEntry('uts', namespaces.uts),
    ...namespaceEntry('pid', namespaces.pid),
    ...namespaceEntry('ipc', namespaces.ipc),
    ...namespaceEntry('cgroup', namespaces.cgroup),
  ];
}

/** Docker's two: ports below 1024 and ping need no capability. Only where the container does not see the host's network. */
function sysctlsOf({ namespaces, settings, domainname }: SpecInput): Record<string, string> {
  const network: Record<string, string> =
    namespaces.network === 'host'
      ? {}
      : { 'net.ipv4.ip_unprivileged_port_start': '0', 'net.ipv4.ping_group_range': '0 2147483647' };
  // The runtimes in use know no `domainname` (it came with runtime spec 1.1); the sysctl says the same.
  const names: Record<string, string> = domainname === '' ? {} : { 'kernel.domainname': domainname };
  const given = settings.Sysctls ?? {};
  for (const name of Object.keys(given)) refuseHostSysctl(name, namespaces);
  return { ...network, ...names, ...given };
}

function refuseHostSysctl(name: string, namespaces: SpecInput['namespaces']): void {
  if (name.startsWith('net.') && namespaces.network === 'host') {
    throw new GantryError('invalid', `sysctl "${name}" is not allowed as --network=host was specified`);
  }
  if (/^(kernel\.(msg|sem|shm)|fs\.mqueue\.)/.test(name) && namespaces.ipc === 'host') {
    throw new GantryError('invalid', `sysctl "${name}" is not allowed as --ipc=host was specified`);
  }
}

function seccompOf(input: SpecInput, capabilities: readonly string[]): OciSeccomp | undefined {
  const { seccomp } = parseSecurityOptions(input.settings.SecurityOpt ?? []);
  if (seccomp === 'unconfined') return undefined;
  if (seccomp !== 'default') return customSeccomp(seccomp, input.host.architecture, capabilities);
  return input.settings.Privileged === true ? undefined : defaultSeccomp(input.host.architecture, capabilities);
}

function linuxOf(input: SpecInput, capabilities: readonly string[]): OciLinux {
  const { settings, host } = input;
  const { nodes, rules } = planDevices(settings, host);
  const sysctl = sysctlsOf(input);
  const seccomp = seccompOf(input, capabilities);
  const rootfsPropagation = rootPropagation(input.mounts);
  const privileged = settings.Privileged === true;
  return {
    namespaces: namespacesOf(input),
    cgroupsPath: `${input.cgroupParent.replace(/\/+$/, '')}/${input.id}`,
    resources: resourcesOf(settings, host, rules),
    ...(nodes.length === 0 ? {} : { devices: nodes }),
    ...(Object.keys(sysctl).length === 0 ? {} : { sysctl }),
    ...(seccomp === undefined ? {} : { seccomp }),
    ...(rootfsPropagation === undefined ? {} : { rootfsPropagation }),
    maskedPaths: privileged ? [] : (settings.MaskedPaths ?? defaultMaskedPaths),
    readonlyPaths: privileged ? [] : (settings.ReadonlyPaths ?? defaultReadonlyPaths),
  };
}

/**
 * The config.json (OCI runtime spec, config.md) with which Docker would run this container. Pure: nothing is read from the
 * host but `input.host`. Settings that cannot be right throw `invalid` in Docker's words.
 */
export function containerSpec(input: SpecInput): OciSpec {
  const capabilities = effectiveCapabilities(input.settings, input.host.capabilities);
  const annotations = input.settings.Annotations ?? {};
  return {
    ociVersion: '1.0.2',
    process: processOf(input, capabilities),
    root: { path: input.rootfsDir, readonly: input.settings.ReadonlyRootfs === true },
    ...(input.namespaces.uts === 'private' ? { hostname: input.hostname } : {}),
    mounts: planMounts(input),
    linux: linuxOf(input, capabilities),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  };
}

/** What an exec asks for; what it does not say comes from the container. */
export interface ExecProcessInput {
  /** `process` of the container's config.json. */
  readonly container: OciProcess;
  readonly args: readonly string[];
  /** On top of the container's. */
  readonly env: readonly string[];
  readonly cwd: string | undefined;
  readonly user: SpecInput['user'] | undefined;
  readonly tty: boolean;
  readonly consoleSize?: SpecInput['consoleSize'];
  readonly privileged: boolean;
  /** The daemon's bounding set. */
  readonly boundingCapabilities: readonly string[];
}

/** The `process` object of an exec (config.md, "Process"), as Docker makes it. */
export function execProcess(input: ExecProcessInput): OciProcess {
  const { container, user, tty } = input;
  const identity = user ?? container.user;
  const capabilities = input.privileged ? input.boundingCapabilities : container.capabilities.bounding;
  const { consoleSize: _, ...inherited } = container;
  return {
    ...inherited,
    terminal: tty,
    ...(tty && input.consoleSize !== undefined ? { consoleSize: input.consoleSize } : {}),
    user: { uid: identity.uid, gid: identity.gid, additionalGids: identity.additionalGids },
    args: input.args,
    env: mergeEnv([...container.env, ...(tty ? ['TERM=xterm'] : [])], input.env),
    cwd: input.cwd ?? container.cwd,
    capabilities: processCapabilities(capabilities, identity.uid),
  };
}
