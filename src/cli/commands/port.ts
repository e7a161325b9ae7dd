import type { ContainerInspect } from '../../api/index.ts';
import { inspectContainer } from '../../client/index.ts';
import { defineCommand } from '../command.ts';
import { ExitError } from '../errors.ts';
import { write } from '../world.ts';

type PortMap = NonNullable<NonNullable<ContainerInspect['NetworkSettings']>['Ports']>;

export const command = defineCommand({
  usage: 'CONTAINER [PRIVATE_PORT[/PROTO]]',
  flags: {},
  count: { least: 1, most: 2 },
  async run({ api, world }, { positionals: [ref = '', asked] }) {
    const { NetworkSettings: settings } = await inspectContainer(api, ref);
    const ports = settings?.Ports ?? {};
    const lines = asked === undefined ? allLines(ports) : linesOf(ports, ref, asked);
    await write(world.stdout, lines.map((line) => `${line}\n`).join(''));
    return 0;
  },
});

function allLines(ports: PortMap): string[] {
  const lines = Object.entries(ports).flatMap(([port, bindings]) =>
    (bindings ?? []).map((binding) => `${port} -> ${addressOf(binding)}`),
  );
  return lines.toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }));
}

function linesOf(ports: PortMap, ref: string, asked: string): string[] {
  const [port = '', protocol = 'tcp'] = asked.split(/\/(.*)/s);
  const problem = portProblem(port);
  if (problem !== undefined)
    throw new ExitError(
      1,
      `Error: invalid port (${port}): strconv.ParseUint: parsing ${JSON.stringify(port)}: ${problem}`,
    );
  const bindings = ports[`${port}/${protocol}`] ?? [];
  if (bindings.length === 0) throw new ExitError(1, `Error: No public port '${asked}' published for ${ref}`);
  return bindings.map(addressOf);
}

function portProblem(port: string): string | undefined {
  if (!/^\d+$/.test(port)) return 'invalid syntax';
  return Number(port) > 65_535 ? 'value out of range' : undefined;
}

function addressOf({ HostIp: address = '', HostPort: port = '' }: { HostIp?: string; HostPort?: string }): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
