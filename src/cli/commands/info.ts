import type { SystemInfo } from '../../api/index.ts';
import { humanBinarySize, textFlag } from '../../base/index.ts';
import { systemInfo } from '../../client/index.ts';
import { defineCommand, none, type Context } from '../command.ts';
import { GoStruct, Template } from '../format/index.ts';
import { objectFormatUsage } from '../listing.ts';
import { write } from '../world.ts';

type Line = readonly [label: string, value: string | number | boolean | undefined];

/** Lines `label: value`; those without a value are left out. */
function lines(indent: string, pairs: readonly Line[]): string {
  return pairs.map(([label, value]) => (value === undefined ? '' : `${indent}${label}: ${String(value)}\n`)).join('');
}

function list(label: string, items: readonly string[] | null | undefined): string {
  if (items === undefined || items === null || items.length === 0) return '';
  return ` ${label}:\n${items.map((item) => `  ${item}\n`).join('')}`;
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === undefined || text === '' ? undefined : text;
}

function storageText(info: SystemInfo): string {
  const status = (info.DriverStatus ?? []).map((pair): Line => [pair[0] ?? '', pair[1] ?? '']);
  return `${lines(' ', [['Storage Driver', info.Driver]])}${lines('  ', status)}`;
}

function words(items: readonly string[] | null | undefined): string {
  return (items ?? []).join(' ');
}

function pluginsText({ Plugins: plugins }: SystemInfo): string {
  const authorization = words(plugins?.Authorization);
  return ` Plugins:\n${lines('  ', [
    ['Volume', words(plugins?.Volume)],
    ['Network', words(plugins?.Network)],
    ['Authorization', nonEmpty(authorization)],
    ['Log', words(plugins?.Log)],
  ])}`;
}

/** `name=seccomp,profile=builtin` as a name and what belongs to it. */
function securityText(options: readonly string[]): string {
  if (options.length === 0) return '';
  const shown = options.map((option) => {
    const pairs = option.split(',').map((part) => part.split('='));
    const name = pairs.find(([key]) => key === 'name')?.[1] ?? option;
    const profile = pairs.find(([key]) => key === 'profile')?.[1];
    return `  ${name}\n${profile === undefined ? '' : `   Profile: ${profile}\n`}`;
  });
  return ` Security Options:\n${shown.join('')}`;
}

function registryText({ RegistryConfig: registry }: SystemInfo): string {
  const insecure = Object.entries(registry?.IndexConfigs ?? {})
    .filter(([, config]) => config?.Secure === false)
    .map(([name]) => name);
  const hosts = [...insecure, ...(registry?.InsecureRegistryCIDRs ?? [])];
  return `${list('Insecure Registries', hosts)}${list('Registry Mirrors', registry?.Mirrors)}`;
}

function poolsText(info: SystemInfo): string {
  const pools = info.DefaultAddressPools ?? [];
  if (pools.length === 0) return '';
  return ` Default Address Pools:\n${pools.map((pool) => `   Base: ${pool.Base}, Size: ${pool.Size}\n`).join('')}`;
}

function versionsText(info: SystemInfo): string {
  return lines(' ', [
    ['Swarm', info.Swarm?.LocalNodeState],
    [
      'Runtimes',
      nonEmpty(
        Object.keys(info.Runtimes ?? {})
          .sort()
          .join(' '),
      ),
    ],
    ['Default Runtime', info.DefaultRuntime],
    ['Init Binary', nonEmpty(info.InitBinary)],
    ['containerd version', nonEmpty(info.ContainerdCommit?.ID)],
    ['runc version', nonEmpty(info.RuncCommit?.ID)],
    ['init version', nonEmpty(info.InitCommit?.ID)],
  ]);
}

function hostText(info: SystemInfo): string {
  return lines(' ', [
    ['Kernel Version', info.KernelVersion],
    ['Operating System', info.OperatingSystem],
    ['OSType', info.OSType],
    ['Architecture', info.Architecture],
    ['CPUs', info.NCPU],
    ['Total Memory', humanBinarySize(info.MemTotal ?? 0)],
    ['Name', info.Name],
    ['ID', info.ID],
    ['Docker Root Dir', info.DockerRootDir],
    ['Debug Mode', info.Debug],
    ['HTTP Proxy', nonEmpty(info.HttpProxy)],
    ['HTTPS Proxy', nonEmpty(info.HttpsProxy)],
    ['No Proxy', nonEmpty(info.NoProxy)],
  ]);
}

function serverText(info: SystemInfo): string {
  return [
    lines(' ', [['Containers', info.Containers]]),
    lines('  ', [
      ['Running', info.ContainersRunning],
      ['Paused', info.ContainersPaused],
      ['Stopped', info.ContainersStopped],
    ]),
    lines(' ', [
      ['Images', info.Images],
      ['Server Version', info.ServerVersion],
    ]),
    storageText(info),
    lines(' ', [
      ['Logging Driver', info.LoggingDriver],
      ['Cgroup Driver', info.CgroupDriver],
      ['Cgroup Version', nonEmpty(info.CgroupVersion)],
    ]),
    pluginsText(info),
    list('CDI spec directories', info.CDISpecDirs),
    versionsText(info),
    securityText(info.SecurityOptions ?? []),
    hostText(info),
    list('Labels', info.Labels),
    lines(' ', [['Experimental', info.ExperimentalBuild]]),
    registryText(info),
    lines(' ', [['Live Restore Enabled', info.LiveRestoreEnabled]]),
    poolsText(info),
    '\n',
  ].join('');
}

async function printFormatted({ api, world }: Context, format: string): Promise<void> {
  const info = await systemInfo(api);
  const client = { Version: world.version, Context: 'default', Plugins: [], Warnings: null };
  const template = new Template(format === 'json' ? '{{json .}}' : format);
  await write(world.stdout, `${template.execute(new GoStruct('system.Info', { ...info, ClientInfo: client }))}\n`);
}

export const command = defineCommand({
  usage: '[OPTIONS]',
  flags: { format: textFlag(objectFormatUsage, { short: 'f' }) },
  count: none,
  async run(context, { values }) {
    const { api, world, debug } = context;
    if (values.format !== '') {
      await printFormatted(context, values.format);
      return 0;
    }
    const client = lines(' ', [
      ['Version', `   ${world.version}`],
      ['Context', '   default'],
      ['Debug Mode', debug],
    ]);
    await write(world.stdout, `Client: Gantry\n${client}\nServer:\n`);
    const info = await systemInfo(api);
    await write(world.stdout, serverText(info));
    for (const warning of info.Warnings ?? []) await write(world.stderr, `${warning}\n`);
    return 0;
  },
});
