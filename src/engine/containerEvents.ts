import type { ContainerRecord } from '../containers/index.ts';

import { networkModeOf } from './networkMode.ts';
import type { EngineParts } from './parts.ts';

/** Announces what happened to a container, with its image, name and labels as attributes (Engine API, /events). */
export function announce(
  { journal }: Pick<EngineParts, 'journal'>,
  record: ContainerRecord,
  action: string,
  attributes: Readonly<Record<string, string>> = {},
): void {
  journal.publish({
    type: 'container',
    action,
    actorId: record.id,
    attributes: { ...record.config.Labels, ...attributes, image: record.config.Image ?? '', name: record.name },
  });
}

/** Announces that a container joined or left its network: the default bridge, the host's, or none. */
export function announceNetwork(
  { journal, networkIds }: Pick<EngineParts, 'journal' | 'networkIds'>,
  action: 'connect' | 'disconnect',
  record: ContainerRecord,
): void {
  const name = networkModeOf(record);
  journal.publish({
    type: 'network',
    action,
    actorId: networkIds[name],
    attributes: { container: record.id, name, type: name === 'none' ? 'null' : name },
  });
}

/** What the events of an exec call it: `exec_start: sh -c date`. */
export function execAction(what: 'exec_create' | 'exec_start', command: readonly string[]): string {
  const [program = '', ...args] = command;
  // As with Docker, a program without arguments is followed by a blank.
  return `${what}: ${program} ${args.join(' ')}`;
}
