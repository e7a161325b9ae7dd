/** --security-opt: checked, and profiles read. */
import { messageOf } from '../base/index.ts';
import { readUserFile } from './keyValueFiles.ts';
import type { World } from './world.ts';

function seccompOf(world: World, profile: string): string {
  if (profile === 'unconfined' || profile === 'builtin') return profile;
  let bytes: Buffer;
  try {
    bytes = readUserFile(world, profile);
  } catch (cause) {
    throw new Error(`opening seccomp profile (${profile}) failed: ${messageOf(cause)}`, { cause });
  }
  try {
    return JSON.stringify(JSON.parse(bytes.toString()));
  } catch (cause) {
    throw new Error(`compacting json for seccomp profile (${profile}) failed: ${messageOf(cause)}`, { cause });
  }
}

export interface Security {
  readonly options: string[] | null;
  /** All of /proc and /sys is to be seen. */
  readonly systemPathsOpen: boolean;
}

/** The options as the daemon takes them: a seccomp profile is read from its file here. */
export function securityOf(world: World, texts: readonly string[]): Security {
  const options: string[] = [];
  let systemPathsOpen = false;
  for (const text of texts) {
    const [, key = text, value] = /^([^=:]+)[=:](.*)$/s.exec(text) ?? [];
    if (key === 'systempaths' && value === 'unconfined') systemPathsOpen = true;
    else if (value === undefined && key !== 'no-new-privileges')
      throw new Error(`Invalid --security-opt: ${JSON.stringify(text)}`);
    else options.push(key === 'seccomp' && value !== undefined ? `seccomp=${seccompOf(world, value)}` : text);
  }
  return { options: texts.length === 0 ? null : options, systemPathsOpen };
}
