import type { ContainerStats } from '../../api/index.ts';
import { humanBinarySize, humanSize } from '../../base/index.ts';
import { GoStruct } from '../format/index.ts';
import { shortId } from '../listing.ts';

/** What a row shows of a sample. */
export interface StatsValues {
  readonly id: string;
  readonly name: string;
  readonly cpuPercent: number;
  readonly memoryBytes: number;
  readonly memoryLimitBytes: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly pids: number;
}

/** One container of the display; without values nothing is known of it, now or yet. */
export interface StatsEntry {
  /** As the user named it, or its short id. */
  readonly container: string;
  readonly id: string;
  readonly name: string;
  readonly values: StatsValues | undefined;
}

/** A counter as it came: beyond 2^53 it is a bigint. */
const count = (value: number | bigint | undefined | null): number => Number(value ?? 0);

/** The figures that docker's columns have, by the formulas of the Engine API's documentation. */
export function valuesOf(stats: ContainerStats): StatsValues {
  const memory = stats.memory_stats ?? {};
  const interfaces = Object.values(stats.networks ?? {});
  return {
    id: stats.id ?? '',
    name: (stats.name ?? '').replace(/^\//, ''),
    cpuPercent: cpuPercent(stats),
    memoryBytes: usedMemory(memory),
    memoryLimitBytes: count(memory.limit),
    receivedBytes: interfaces.reduce((sum, one) => sum + count(one.rx_bytes), 0),
    sentBytes: interfaces.reduce((sum, one) => sum + count(one.tx_bytes), 0),
    readBytes: transferred(stats, 'r'),
    writtenBytes: transferred(stats, 'w'),
    pids: count(stats.pids_stats?.current),
  };
}

/** Of one CPU: two busy CPUs are 200. */
function cpuPercent({ cpu_stats: now, precpu_stats: before }: ContainerStats): number {
  const used = count(now?.cpu_usage?.total_usage) - count(before?.cpu_usage?.total_usage);
  const passed = count(now?.system_cpu_usage) - count(before?.system_cpu_usage);
  const cpus = count(now?.online_cpus) || (now?.cpu_usage?.percpu_usage ?? []).length;
  return used > 0 && passed > 0 ? (used / passed) * cpus * 100 : 0;
}

/** Without the part of the page cache that the kernel gives up first: v1 and v2 name it differently. */
function usedMemory({ usage, stats = {} }: NonNullable<ContainerStats['memory_stats']>): number {
  const used = count(usage);
  const inactive = stats['total_inactive_file'];
  if (inactive !== undefined && count(inactive) < used) return used - count(inactive);
  const unified = count(stats['inactive_file']);
  return unified < used ? used - unified : used;
}

function transferred({ blkio_stats: io }: ContainerStats, direction: 'r' | 'w'): number {
  const entries = io?.io_service_bytes_recursive ?? [];
  return entries
    .filter(({ op }) => op?.toLowerCase().startsWith(direction) === true)
    .reduce((sum, { value }) => sum + count(value), 0);
}

export const statsHeaders = {
  Container: 'CONTAINER',
  Name: 'NAME',
  ID: 'CONTAINER ID',
  CPUPerc: 'CPU %',
  MemUsage: 'MEM USAGE / LIMIT',
  MemPerc: 'MEM %',
  NetIO: 'NET I/O',
  BlockIO: 'BLOCK I/O',
  PIDs: 'PIDS',
};

export const defaultStatsTable =
  'table {{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}';

const unknown = '--';
const percent = (value: number): string => `${value.toFixed(2)}%`;
const pair = (first: number, second: number): string => `${humanSize(first, 3)} / ${humanSize(second, 3)}`;

/** A row of the table; what is not known is shown as dashes. */
export function statsRow({ container, id, name, values }: StatsEntry, truncate: boolean): GoStruct {
  const shown = (text: (known: StatsValues) => string, absent = unknown): string =>
    values === undefined ? absent : text(values);
  const members = {
    Container: container,
    Name: name || unknown,
    ID: truncate ? shortId(id) : id,
    CPUPerc: shown((known) => percent(known.cpuPercent)),
    MemUsage: shown(
      (known) => `${humanBinarySize(known.memoryBytes)} / ${humanBinarySize(known.memoryLimitBytes)}`,
      `${unknown} / ${unknown}`,
    ),
    MemPerc: shown((known) =>
      percent(known.memoryLimitBytes === 0 ? 0 : (known.memoryBytes / known.memoryLimitBytes) * 100),
    ),
    NetIO: shown((known) => pair(known.receivedBytes, known.sentBytes)),
    BlockIO: shown((known) => pair(known.readBytes, known.writtenBytes)),
    PIDs: shown((known) => String(known.pids)),
  };
  return new GoStruct('*container.statsContext', members, { isRow: true });
}
