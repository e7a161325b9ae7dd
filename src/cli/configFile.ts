/** The user's own settings, in the file that Docker's client reads too: `config.json` of $DOCKER_CONFIG or ~/.docker. */
import { readFileSync } from 'node:fs';
import path from 'node:path';

import { hasCode, messageOf } from '../base/index.ts';
import type { World } from './world.ts';

/** The detach keys as typed with the command, else the user's, else empty, which stands for the default. */
export function detachKeysFor(world: World, typed: string): string {
  if (typed !== '') return typed;
  const { detachKeys } = readConfig(world);
  return typeof detachKeys === 'string' ? detachKeys : '';
}

/** Where the file lies. */
export function configFolder({ environment }: Pick<World, 'environment'>): string {
  return environment['DOCKER_CONFIG'] || path.join(environment['HOME'] || '/', '.docker');
}

/** The same world, with the user's settings in another folder. */
export function withConfigFolder(world: World, folder: string): World {
  return { ...world, environment: { ...world.environment, DOCKER_CONFIG: folder } };
}

/** A file that cannot be read is told and counts as empty. */
function readConfig(world: World): Readonly<Record<string, unknown>> {
  const file = path.join(configFolder(world), 'config.json');
  try {
    const config: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return typeof config === 'object' && config !== null ? { ...config } : {};
  } catch (error) {
    if (!hasCode(error, 'ENOENT') && !hasCode(error, 'ENOTDIR')) {
      world.stderr.write(`WARNING: Error loading config file: ${file}: ${messageOf(error)}\n`);
    }
    return {};
  }
}
