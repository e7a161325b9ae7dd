import type { ContainerSummary } from '../../api/index.ts';
import { humanSize, integerFlag, switchFlag, textFlag } from '../../base/index.ts';
import { listContainers } from '../../client/index.ts';
import { defineCommand, none } from '../command.ts';
import { displayPorts } from '../displayPorts.ts';
import { filterFlag } from '../filterFlag.ts';
import { checkFormat, GoStruct } from '../format/index.ts';
import { ellipsis, listFormatUsage, printListing, shortId } from '../listing.ts';
import { ago, longTime } from '../times.ts';

const headers = {
  ID: 'CONTAINER ID',
  Names: 'NAMES',
  Image: 'IMAGE',
  Command: 'COMMAND',
  CreatedAt: 'CREATED AT',
  RunningFor: 'CREATED',
  Ports: 'PORTS',
  State: 'STATE',
  Status: 'STATUS',
  Size: 'SIZE',
  Labels: 'LABELS',
  Mounts: 'MOUNTS',
  LocalVolumes: 'LOCAL VOLUMES',
  Networks: 'NETWORKS',
  Platform: 'PLATFORM',
};

const defaultTable = 'table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}';

function imageText(container: ContainerSummary, truncate: boolean): string {
  const image = container.Image ?? '';
  if (image === '') return '<no image>';
  if (!truncate) return image;
  const id = shortId(container.ImageID ?? '');
  if (id !== '' && id === shortId(image)) return id;
  const [name = '', digest] = image.split('@');
  return digest !== undefined && name.slice(name.lastIndexOf('/')).includes(':') ? name : image;
}

function sizeText({ SizeRw = 0, SizeRootFs = 0 }: ContainerSummary): string {
  const own = humanSize(SizeRw, 3);
  return SizeRootFs > 0 ? `${own} (virtual ${humanSize(SizeRootFs, 3)})` : own;
}

function namesText(container: ContainerSummary, truncate: boolean): string {
  const names = (container.Names ?? []).map((name) => name.replace(/^\//, ''));
  // Names of links have a path; they are left out of the short form.
  return names.filter((name) => !truncate || !name.includes('/')).join(',');
}

function mountsText(container: ContainerSummary, truncate: boolean): string {
  const names = (container.Mounts ?? []).map((mount) => mount.Name || mount.Source || '');
  return names.map((name) => (truncate ? ellipsis(name, 15) : name)).join(',');
}

function commandText(container: ContainerSummary, truncate: boolean): string {
  const command = container.Command ?? '';
  return JSON.stringify(truncate ? ellipsis(command, 20) : command);
}

function rowOf(container: ContainerSummary, truncate: boolean, nowMs: number): GoStruct {
  const labels = container.Labels ?? {};
  const members = {
    ID: truncate ? shortId(container.Id ?? '') : (container.Id ?? ''),
    Names: () => namesText(container, truncate),
    Image: () => imageText(container, truncate),
    Command: () => commandText(container, truncate),
    CreatedAt: () => longTime(container.Created ?? 0),
    RunningFor: () => ago(container.Created ?? 0, nowMs),
    Ports: () => displayPorts(container.Ports ?? []),
    State: container.State ?? '',
    Status: container.Status ?? '',
    Size: () => sizeText(container),
    Labels: () =>
      Object.entries(labels)
        .map(([key, value]) => `${key}=${value}`)
        .sort()
        .join(','),
    Label: (name: unknown) => labels[String(name)] ?? '',
    Mounts: () => mountsText(container, truncate),
    LocalVolumes: () => String((container.Mounts ?? []).filter((mount) => mount.Driver === 'local').length),
    Networks: () =>
      Object.keys(container.NetworkSettings?.Networks ?? {})
        .sort()
        .join(','),
    Platform: null,
  };
  return new GoStruct('*formatter.ContainerContext', members, { isRow: true });
}

export const command = defineCommand({
  usage: '[OPTIONS]',
  flags: {
    all: switchFlag('Show all containers (default shows just running)', { short: 'a' }),
    filter: filterFlag('Filter output based on conditions provided', { short: 'f' }),
    format: textFlag(listFormatUsage),
    last: integerFlag('Show n last created containers (includes all states)', { short: 'n', initial: -1 }),
    latest: switchFlag('Show the latest created container (includes all states)', { short: 'l' }),
    'no-trunc': switchFlag("Don't truncate output"),
    quiet: switchFlag('Only display container IDs', { short: 'q' }),
    size: switchFlag('Display total file sizes', { short: 's' }),
  },
  count: none,
  async run(context, { values }) {
    const { all, filter: filters, format, quiet } = values;
    if (format !== '') checkFormat(format, rowOf({}, true, 0));
    const limit = values.latest && values.last === -1 ? 1 : values.last;
    // Sizes cost the daemon a walk over the files: they are asked for only when they are shown.
    const size = values.size || (!quiet && /\.Size\b|json \./.test(format));
    const containers = await listContainers(context.api, { all, limit, size, filters });
    const now = context.world.now();
    await printListing(context, {
      format,
      quiet,
      defaultTable: values.size ? `${defaultTable}\t{{.Size}}` : defaultTable,
      headers,
      rows: containers.map((container) => rowOf(container, !values['no-trunc'], now)),
    });
    return 0;
  },
});
