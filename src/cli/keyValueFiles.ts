/** Files of `KEY=value` lines: --env-file and --label-file. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { hasCode } from '../base/index.ts';
import { cut } from './containerValues.ts';
import type { World } from './world.ts';

/** Reads a file that the user named. Throws with the words that users know when it is not there. */
export function readUserFile(world: World, path: string): Buffer {
  try {
    return readFileSync(resolve(world.workingDirectory, path));
  } catch (cause) {
    const reasons: Readonly<Record<string, string>> = {
      ENOENT: 'no such file or directory',
      EACCES: 'permission denied',
      EISDIR: 'is a directory',
    };
    const code = Object.keys(reasons).find((one) => hasCode(cause, one));
    throw new Error(`open ${path}: ${code === undefined ? String(cause) : reasons[code]}`, { cause });
  }
}

function readLine(line: string, lookUp: (name: string) => string | undefined): string[] {
  const text = line.replace(/^\s+/, '');
  if (text === '' || text.startsWith('#')) return [];
  const [name, value] = cut(text, '=');
  if (/\s/.test(name.trimEnd())) throw new Error(`variable '${name}' contains whitespaces`);
  if (name === '') throw new Error(`no variable name on line '${text}'`);
  if (value !== undefined) return [`${name}=${value}`];
  const found = lookUp(text.trim());
  return found === undefined ? [] : [`${text.trim()}=${found}`];
}

/**
 * The pairs of a file. A name without `=` gets the value that `lookUp` has for it, and is left out when that is undefined.
 * White space around names and comment lines is dropped; values are taken as they are.
 */
export function readKeyValueFile(world: World, path: string, lookUp: (name: string) => string | undefined): string[] {
  const bytes = readUserFile(world, path);
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return text.split(/\r?\n/).flatMap((line) => readLine(line, lookUp));
  } catch (cause) {
    const reason = cause instanceof TypeError ? `env file ${path} contains invalid utf8 bytes` : undefined;
    const text = reason ?? (cause instanceof Error ? cause.message : '');
    throw new Error(`invalid env file (${path}): ${text}`, { cause });
  }
}

/** `key=value` texts as a record; a key without `=` has an empty value. */
export function toRecord(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [key, value] = cut(pair, '=');
      return [key, value ?? ''];
    }),
  );
}
