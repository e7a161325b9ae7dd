import { GantryError } from '../base/index.ts';

export interface SecurityOptions {
  /** `default`, `unconfined`, or the text of a profile in Docker's JSON form. */
  readonly seccomp: string;
  readonly noNewPrivileges: boolean;
  readonly writableCgroups: boolean;
}

const truths = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const falsehoods = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);

function booleanOf(option: string, value: string): boolean {
  if (truths.has(value)) return true;
  if (falsehoods.has(value)) return false;
  throw new GantryError('invalid', `invalid --security-opt 2: "${option}"`);
}

function split(option: string): readonly [string, string] {
  const at = option.search(/[=:]/);
  if (at < 0) throw new GantryError('invalid', `invalid --security-opt 1: "${option}"`);
  return [option.slice(0, at), option.slice(at + 1)];
}

/**
 * Reads HostConfig.SecurityOpt. AppArmor and SELinux options are taken only where they ask for no confinement, which is what
 * Gantry gives; others are `notImplemented`. Unknown ones are `invalid`, in Docker's words.
 */
export function parseSecurityOptions(options: readonly string[]): SecurityOptions {
  let seccomp = 'default';
  let noNewPrivileges = false;
  let writableCgroups = false;
  for (const option of options) {
    if (option === 'no-new-privileges') {
      noNewPrivileges = true;
      continue;
    }
    const [key, value] = split(option);
    if (key === 'seccomp') seccomp = value === 'builtin' ? 'default' : value;
    else if (key === 'no-new-privileges') noNewPrivileges = booleanOf(option, value);
    else if (key === 'writable-cgroups') writableCgroups = booleanOf(option, value);
    else if (key === 'apparmor' || key === 'label') refuseConfinement(key, value);
    else throw new GantryError('invalid', `invalid --security-opt 2: "${option}"`);
  }
  return { seccomp, noNewPrivileges, writableCgroups };
}

function refuseConfinement(key: 'apparmor' | 'label', value: string): void {
  if (value === (key === 'apparmor' ? 'unconfined' : 'disable')) return;
  throw new GantryError(
    'notImplemented',
    `security option ${key}=${value} is not supported: the host has no such profile`,
  );
}
