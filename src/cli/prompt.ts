import { GantryError } from '../base/index.ts';
import type { World } from './world.ts';
import { write } from './world.ts';

/** Reads one line from the user; what was typed before the end of input counts as one. */
async function readLine(world: World): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let text = '';
  const arrived = (chunk: Buffer): void => {
    text += chunk.toString();
    if (text.includes('\n')) resolve(text.split('\n', 1)[0] ?? '');
  };
  const ended = (): void => resolve(text);
  const interrupted = world.onSignal('SIGINT', () => reject(new GantryError('cancelled', '')));
  world.stdin.on('data', arrived);
  world.stdin.on('end', ended);
  world.stdin.resume();
  try {
    return await promise;
  } finally {
    world.stdin.off('data', arrived);
    world.stdin.off('end', ended);
    world.stdin.pause();
    interrupted();
  }
}

/** Asks; only `y` (or `Y`) means yes. */
export async function confirm(world: World, question: string): Promise<boolean> {
  await write(world.stdout, `${question}\nAre you sure you want to continue? [y/N] `);
  const answer = await readLine(world);
  return answer.trim().toLowerCase() === 'y';
}
