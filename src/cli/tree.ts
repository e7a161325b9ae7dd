/** Which commands there are, where they stand, and how each is loaded: only the one that runs is. */
import type { Command } from './command.ts';

export interface Entry {
  readonly summary: string;
  load(): Promise<{ readonly command: Command }>;
}

export const entries = {
  attach: {
    summary: 'Attach local standard input, output, and error streams to a running container',
    load: () => import('./commands/attach.ts'),
  },
  checkpointCreate: {
    summary: 'Create a checkpoint from a running container',
    load: () => import('./commands/checkpointCreate.ts'),
  },
  checkpointList: { summary: 'List checkpoints for a container', load: () => import('./commands/checkpointList.ts') },
  checkpointRemove: { summary: 'Remove a checkpoint', load: () => import('./commands/checkpointRemove.ts') },
  commit: { summary: "Create a new image from a container's changes", load: () => import('./commands/commit.ts') },
  containerInspect: {
    summary: 'Display detailed information on one or more containers',
    load: () => import('./commands/containerInspect.ts'),
  },
  containerPrune: { summary: 'Remove all stopped containers', load: () => import('./commands/containerPrune.ts') },
  cp: {
    summary: 'Copy files/folders between a container and the local filesystem',
    load: () => import('./commands/cp.ts'),
  },
  create: { summary: 'Create a new container', load: () => import('./commands/create.ts') },
  diff: {
    summary: "Inspect changes to files or directories on a container's filesystem",
    load: () => import('./commands/diff.ts'),
  },
  events: { summary: 'Get real time events from the server', load: () => import('./commands/events.ts') },
  exec: { summary: 'Execute a command in a running container', load: () => import('./commands/exec.ts') },
  export: {
    summary: "Export a container's filesystem as a tar archive",
    load: () => import('./commands/export.ts'),
  },
  history: { summary: 'Show the history of an image', load: () => import('./commands/history.ts') },
  imageInspect: {
    summary: 'Display detailed information on one or more images',
    load: () => import('./commands/imageInspect.ts'),
  },
  imagePrune: { summary: 'Remove unused images', load: () => import('./commands/imagePrune.ts') },
  images: { summary: 'List images', load: () => import('./commands/images.ts') },
  info: { summary: 'Display system-wide information', load: () => import('./commands/info.ts') },
  inspect: { summary: 'Return low-level information on Gantry objects', load: () => import('./commands/inspect.ts') },
  kill: { summary: 'Kill one or more running containers', load: () => import('./commands/kill.ts') },
  logs: { summary: 'Fetch the logs of a container', load: () => import('./commands/logs.ts') },
  pause: {
    summary: 'Pause all processes within one or more containers',
    load: () => import('./commands/pause.ts'),
  },
  port: {
    summary: 'List port mappings or a specific mapping for the container',
    load: () => import('./commands/port.ts'),
  },
  ps: { summary: 'List containers', load: () => import('./commands/ps.ts') },
  pull: { summary: 'Download an image from a registry', load: () => import('./commands/pull.ts') },
  rename: { summary: 'Rename a container', load: () => import('./commands/rename.ts') },
  restart: { summary: 'Restart one or more containers', load: () => import('./commands/restart.ts') },
  rm: { summary: 'Remove one or more containers', load: () => import('./commands/rm.ts') },
  rmi: { summary: 'Remove one or more images', load: () => import('./commands/rmi.ts') },
  run: { summary: 'Create and run a new container from an image', load: () => import('./commands/run.ts') },
  start: { summary: 'Start one or more stopped containers', load: () => import('./commands/start.ts') },
  stats: {
    summary: 'Display a live stream of container(s) resource usage statistics',
    load: () => import('./commands/stats.ts'),
  },
  stop: { summary: 'Stop one or more running containers', load: () => import('./commands/stop.ts') },
  systemPrune: { summary: 'Remove unused data', load: () => import('./commands/systemPrune.ts') },
  tag: { summary: 'Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE', load: () => import('./commands/tag.ts') },
  top: { summary: 'Display the running processes of a container', load: () => import('./commands/top.ts') },
  unpause: {
    summary: 'Unpause all processes within one or more containers',
    load: () => import('./commands/unpause.ts'),
  },
  update: { summary: 'Update configuration of one or more containers', load: () => import('./commands/update.ts') },
  version: { summary: 'Show the Gantry version information', load: () => import('./commands/version.ts') },
  wait: {
    summary: 'Block until one or more containers stop, then print their exit codes',
    load: () => import('./commands/wait.ts'),
  },
} as const satisfies Record<string, Entry>;

export type EntryId = keyof typeof entries;

/** Name to entry; other names for the same entry follow after the first. */
type Names = readonly (readonly [id: EntryId, name: string, ...aliases: string[]])[];

export interface Group {
  readonly summary: string;
  readonly commands: Names;
  /** Left out of the list of groups: there to say that the daemon has nothing of the kind. */
  readonly hidden?: boolean;
}

export const groups: Readonly<Record<string, Group>> = {
  checkpoint: {
    summary: 'Manage checkpoints',
    hidden: true,
    commands: [
      ['checkpointCreate', 'create'],
      ['checkpointList', 'ls', 'list'],
      ['checkpointRemove', 'rm', 'remove'],
    ],
  },
  container: {
    summary: 'Manage containers',
    commands: [
      ['attach', 'attach'],
      ['commit', 'commit'],
      ['cp', 'cp'],
      ['create', 'create'],
      ['diff', 'diff'],
      ['exec', 'exec'],
      ['export', 'export'],
      ['containerInspect', 'inspect'],
      ['kill', 'kill'],
      ['logs', 'logs'],
      ['ps', 'ls', 'list', 'ps'],
      ['pause', 'pause'],
      ['port', 'port'],
      ['containerPrune', 'prune'],
      ['rename', 'rename'],
      ['restart', 'restart'],
      ['rm', 'rm', 'remove'],
      ['run', 'run'],
      ['start', 'start'],
      ['stats', 'stats'],
      ['stop', 'stop'],
      ['top', 'top'],
      ['unpause', 'unpause'],
      ['update', 'update'],
      ['wait', 'wait'],
    ],
  },
  image: {
    summary: 'Manage images',
    commands: [
      ['history', 'history'],
      ['imageInspect', 'inspect'],
      ['images', 'ls', 'list'],
      ['imagePrune', 'prune'],
      ['pull', 'pull'],
      ['rmi', 'rm', 'remove'],
      ['tag', 'tag'],
    ],
  },
  system: {
    summary: 'Manage Gantry',
    commands: [
      ['events', 'events'],
      ['info', 'info'],
      ['systemPrune', 'prune'],
    ],
  },
};

/** Top-level commands that help shows first. */
export const commonCommands: readonly EntryId[] = ['run', 'exec', 'ps', 'pull', 'images', 'version', 'info'];

/** The other top-level commands; their names are their ids. */
export const otherCommands: readonly EntryId[] = [
  'attach',
  'commit',
  'cp',
  'create',
  'diff',
  'events',
  'export',
  'history',
  'inspect',
  'kill',
  'logs',
  'pause',
  'port',
  'rename',
  'restart',
  'rm',
  'rmi',
  'start',
  'stats',
  'stop',
  'tag',
  'top',
  'unpause',
  'update',
  'wait',
];

/** What a path of names leads to. */
export type Found =
  | { readonly kind: 'command'; readonly id: EntryId; readonly path: readonly string[]; readonly depth: number }
  | { readonly kind: 'group'; readonly name: string; readonly group: Group; readonly unknown: string | undefined }
  | { readonly kind: 'unknown'; readonly name: string };

function topLevel(name: string): EntryId | undefined {
  return [...commonCommands, ...otherCommands].find((id) => id === name);
}

/** Follows `words` to a command or group. `depth` words were taken. */
export function findCommand(words: readonly string[]): Found {
  const [first = '', second] = words;
  const id = topLevel(first);
  if (id !== undefined) return { kind: 'command', id, path: [first], depth: 1 };
  const group = Object.hasOwn(groups, first) ? groups[first] : undefined;
  if (group === undefined) return { kind: 'unknown', name: first };
  const row = group.commands.find(([, ...names]) => second !== undefined && names.includes(second));
  if (row === undefined) return { kind: 'group', name: first, group, unknown: second };
  return { kind: 'command', id: row[0], path: [first, row[1]], depth: 2 };
}

/** Every path that leads to `id`, groups first. */
export function pathsTo(id: EntryId): string[] {
  const grouped = Object.entries(groups).flatMap(([groupName, group]) =>
    group.commands.flatMap(([own, ...names]) => (own === id ? names.map((name) => `${groupName} ${name}`) : [])),
  );
  return topLevel(id) === undefined ? grouped : [...grouped, id];
}

/** All names at the top, for suggestions. */
export function topNames(): string[] {
  return [...commonCommands, ...otherCommands, ...Object.keys(groups), 'help'];
}
