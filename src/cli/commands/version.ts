import type { SystemVersion } from '../../api/index.ts';
import { textFlag } from '../../base/index.ts';
import { newestApiVersion, systemVersion } from '../../client/index.ts';
import { defineCommand, none, type Context } from '../command.ts';
import { GoStruct, Template } from '../format/index.ts';
import { objectFormatUsage } from '../listing.ts';
import { buildTime } from '../times.ts';
import { write } from '../world.ts';

type Component = NonNullable<SystemVersion['Components']>[number];

function field(indent: string, name: string, value: string): string {
  return `${indent}${`${name}:`.padEnd(20 - indent.length)}${value}\n`;
}

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };
const architecture = architectures[process.arch] ?? process.arch;

function clientFacts(version: string, apiVersion: string) {
  return {
    Platform: { Name: 'Gantry' },
    Version: version,
    ApiVersion: apiVersion,
    DefaultAPIVersion: newestApiVersion,
    GitCommit: '',
    GoVersion: '',
    Os: 'linux',
    Arch: architecture,
    BuildTime: '',
    Context: 'default',
  };
}

function clientText(version: string, apiVersion: string): string {
  const downgraded = apiVersion === newestApiVersion ? '' : ` (downgraded from ${newestApiVersion})`;
  return (
    `Client: Gantry\n${field(' ', 'Version', version)}${field(' ', 'API version', apiVersion + downgraded)}` +
    `${field(' ', 'OS/Arch', `linux/${architecture}`)}${field(' ', 'Context', 'default')}`
  );
}

function engineText(details: Readonly<Record<string, string>>): string {
  const lines: [string, string | undefined][] = [
    ['API version', `${details['ApiVersion'] ?? ''} (minimum version ${details['MinAPIVersion'] ?? ''})`],
    ['Go version', details['GoVersion']],
    ['Git commit', details['GitCommit']],
    ['Built', details['BuildTime'] === undefined ? undefined : buildTime(details['BuildTime'])],
    ['OS/Arch', `${details['Os'] ?? ''}/${details['Arch'] ?? ''}`],
    ['Experimental', details['Experimental']],
  ];
  return lines.map(([name, value]) => (value === undefined ? '' : field('  ', name, value))).join('');
}

function componentText({ Name: name, Version: version, Details: details }: Component): string {
  const facts: Readonly<Record<string, string>> = details ?? {};
  const own = name === 'Engine' ? engineText(facts) : '';
  const others = name === 'Engine' ? [] : Object.entries(facts).sort(([a], [b]) => (a < b ? -1 : 1));
  const rest = others.map(([key, value]) => field('  ', key, value)).join('');
  return ` ${name}:\n${field('  ', 'Version', version)}${own}${rest}`;
}

function serverText(server: SystemVersion): string {
  const platform = server.Platform?.Name ?? '';
  const components = (server.Components ?? []).map(componentText).join('');
  return `\nServer:${platform === '' ? '' : ` ${platform}`}\n${components}`;
}

async function printFormatted(context: Context, format: string, apiVersion: string): Promise<void> {
  const server = await systemVersion(context.api);
  const data = new GoStruct('system.Version', {
    Client: clientFacts(context.world.version, apiVersion),
    Server: server,
  });
  const template = new Template(format === 'json' ? '{{json .}}' : format);
  await write(context.world.stdout, `${template.execute(data)}\n`);
}

export const command = defineCommand({
  usage: '[OPTIONS]',
  flags: { format: textFlag(objectFormatUsage, { short: 'f' }) },
  count: none,
  async run(context, { values }) {
    const { api, world } = context;
    const ping = await api.ping().catch((error: unknown) => error as Error);
    const apiVersion = ping instanceof Error ? newestApiVersion : ping.apiVersion;
    if (values.format !== '') {
      await printFormatted(context, values.format, apiVersion);
      return 0;
    }
    await write(world.stdout, clientText(world.version, apiVersion));
    if (ping instanceof Error) throw ping;
    await write(world.stdout, serverText(await systemVersion(api)));
    return 0;
  },
});
