import { GantryError } from '../../base/index.ts';
import type { Handler } from '../reply.ts';

/** /containers/{id}/checkpoints: freezing processes into files needs kernel and runtime support that few hosts have. */
export const refuseCheckpoint: Handler = async () => {
  throw new GantryError('notImplemented', 'checkpoints are not supported by this engine', {
    hint: 'Keep files with `gantry commit`, or hold the processes where they are with `gantry pause`.',
  });
};
