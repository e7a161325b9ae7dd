import { GantryError } from '../base/index.ts';

import type { OciSeccomp, OciSyscallArgument, OciSyscallRule } from './ociSpec.ts';
import { seccompArchitectures } from './seccompTable.ts';

const maxProfileBytes = 1024 * 1024;

interface Condition {
  readonly caps?: readonly string[];
  readonly arches?: readonly string[];
  readonly minKernel?: string;
}

interface ProfileRule {
  readonly name?: string;
  readonly names?: readonly string[];
  readonly action?: string;
  readonly errnoRet?: number;
  readonly args?: readonly OciSyscallArgument[] | null;
  readonly includes?: Condition | null;
  readonly excludes?: Condition | null;
}

interface Profile {
  readonly defaultAction?: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly string[] | null;
  readonly archMap?: readonly { readonly architecture: string; readonly subArchitectures?: readonly string[] | null }[];
  readonly flags?: readonly string[];
  readonly syscalls?: readonly ProfileRule[] | null;
}

const refuse = (why: string): never => {
  throw new GantryError('invalid', `Decoding seccomp profile failed: ${why}`);
};

function parse(text: string): Profile {
  if (text.length > maxProfileBytes) return refuse(`larger than ${maxProfileBytes} bytes`);
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch (error) {
    return refuse((error as Error).message);
  }
  return refuse('not a JSON object');
}

/** Whether every part of an `includes` holds here. The kernels that Gantry runs on are past all of Docker's `minKernel`s. */
function holds(condition: Condition, architecture: string, held: ReadonlySet<string>): boolean {
  const arches = condition.arches ?? [];
  return (
    (arches.length === 0 || arches.includes(architecture)) && (condition.caps ?? []).every((name) => held.has(name))
  );
}

/** Whether any part of an `excludes` holds here. */
function touches(condition: Condition, architecture: string, held: ReadonlySet<string>): boolean {
  return (condition.arches ?? []).includes(architecture) || (condition.caps ?? []).some((name) => held.has(name));
}

function ruleOf(rule: ProfileRule): OciSyscallRule {
  const names = rule.names ?? (rule.name === undefined ? [] : [rule.name]);
  if (names.length === 0 || typeof rule.action !== 'string') return refuse('a rule needs names and an action');
  return {
    names,
    action: rule.action,
    ...(rule.errnoRet === undefined ? {} : { errnoRet: rule.errnoRet }),
    ...(rule.args === undefined || rule.args === null || rule.args.length === 0 ? {} : { args: rule.args }),
  };
}

function architecturesOf(profile: Profile, architecture: string): readonly string[] {
  const own = seccompArchitectures[architecture] ?? [];
  if (profile.archMap === undefined) return profile.architectures ?? own;
  const entry = profile.archMap.find((candidate) => candidate.architecture === own[0]);
  return entry === undefined ? own : [entry.architecture, ...(entry.subArchitectures ?? [])];
}

/**
 * A user's seccomp profile in Docker's JSON form (`--security-opt seccomp=FILE`, which the client sends as text), with its
 * conditions on capabilities and architecture evaluated. What cannot be read is `invalid`.
 */
export function customSeccomp(text: string, architecture: string, capabilities: readonly string[]): OciSeccomp {
  const profile = parse(text);
  const held = new Set(capabilities);
  if (typeof profile.defaultAction !== 'string') return refuse('defaultAction is missing');
  const rules = (profile.syscalls ?? []).filter(
    ({ includes, excludes }) =>
      holds(includes ?? {}, architecture, held) && !touches(excludes ?? {}, architecture, held),
  );
  return {
    defaultAction: profile.defaultAction,
    ...(profile.defaultErrnoRet === undefined ? {} : { defaultErrnoRet: profile.defaultErrnoRet }),
    architectures: architecturesOf(profile, architecture),
    ...(profile.flags === undefined ? {} : { flags: profile.flags }),
    syscalls: rules.map(ruleOf),
  };
}
