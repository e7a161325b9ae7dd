import { isKind } from '../base/index.ts';
import {
  compileContainerFilters,
  isAlive,
  parseBinds,
  type ContainerMatcher,
  type ContainerRecord,
  type FilterableContainer,
} from '../containers/index.ts';

import { networkModeOf } from './networkMode.ts';
import type { EngineParts } from './parts.ts';

type Parts = Pick<EngineParts, 'containers' | 'images' | 'network' | 'health'>;

/** The filters of a container listing, ready to be asked. */
export function containerMatcher(
  { containers, images }: Parts,
  filters: ReadonlyMap<string, ReadonlySet<string>>,
): ContainerMatcher {
  return compileContainerFilters(filters, {
    createdAtMs: (ref) => Date.parse(containers.find(ref).createdAt),
    imagesFrom: (ref) => descendantsOf(images, ref),
  });
}

/** A container as the filters see it. */
export function filterable(
  { network, health }: Pick<Parts, 'network' | 'health'>,
  record: ContainerRecord,
): FilterableContainer {
  const { state, config } = record;
  const mode = networkModeOf(record);
  return {
    id: record.id,
    name: record.name,
    labels: config.Labels ?? {},
    state: state.status,
    health: health.get(record.id)?.status ?? 'none',
    exitCode: isAlive(state) || state.status === 'created' ? undefined : state.exitCode,
    imageId: record.imageId,
    createdAtMs: Date.parse(record.createdAt),
    mounts: parseBinds(record.hostConfig).map(({ source, destination }) => ({ name: source, destination })),
    networks: [{ id: mode === 'bridge' ? network.id : mode, name: mode }],
    ports: Object.keys(config.ExposedPorts ?? {}).map((port) => {
      const [number = '', protocol = 'tcp'] = port.split('/');
      return { publicPort: undefined, privatePort: Number(number), protocol };
    }),
  };
}

/** The image that `ref` names and those that were built on it; nothing when there is none. */
function descendantsOf(images: Parts['images'], ref: string): ReadonlySet<string> {
  const found = new Set<string>();
  try {
    found.add(images.find(ref).id);
  } catch (error) {
    if (isKind(error, 'notFound') || isKind(error, 'invalid')) return found;
    throw error;
  }
  for (let before = 0; before < found.size;) {
    before = found.size;
    for (const { id, parentId } of images.images.values())
      if (parentId !== undefined && found.has(parentId)) found.add(id);
  }
  return found;
}
