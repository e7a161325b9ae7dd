import type { ContainerRecord } from '../containers/index.ts';

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

/** Announces that a container joined or left the default bridge. */
export function announceBridge(
  { journal, network }: Pick<EngineParts, 'journal' | 'network'>,
  action: 'connect' | 'disconnect',
  containerId: string,
): void {
  journal.publish({
    type: 'network',
    action,
    actorId: network.id,
    attributes: { container: containerId, name: 'bridge', type: 'bridge' },
  });
}
