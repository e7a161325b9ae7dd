import { GantryError } from '../base/index.ts';

import { announce } from './containerEvents.ts';
import type { EngineParts } from './parts.ts';

/** POST /containers/{id}/resize: the size of the terminal, in characters. */
export async function resizeContainer(
  parts: Pick<EngineParts, 'containers' | 'live' | 'journal'>,
  ref: string,
  size: { readonly height: number; readonly width: number },
): Promise<void> {
  const record = parts.containers.find(ref);
  const live = parts.live.get(record.id);
  if (live === undefined) throw new GantryError('conflict', `container ${record.id} is not running`);
  live.process.resize(size);
  announce(parts, record, 'resize', { height: String(size.height), width: String(size.width) });
}
