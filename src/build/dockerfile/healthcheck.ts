import type { ContainerConfig } from '../../api/index.ts';
import { GantryError, parseGoDuration } from '../../base/index.ts';
import type { Instruction } from './lines.ts';
import { jsonList } from './words.ts';

type Healthcheck = NonNullable<ContainerConfig['Healthcheck']>;

const leastNs = 1_000_000n;
const durations = {
  interval: 'Interval',
  timeout: 'Timeout',
  'start-period': 'StartPeriod',
  'start-interval': 'StartInterval',
} as const;

/** What HEALTHCHECK says (Dockerfile reference). Throws `invalid`. */
export function healthcheckOf({ flags, rest }: Instruction): Healthcheck {
  if (rest === '') throw new GantryError('invalid', 'HEALTHCHECK requires at least one argument');
  const [, type = '', command = ''] = /^(\S+)\s*([\s\S]*)$/.exec(rest) ?? [];
  const kind = type.toUpperCase();
  if (kind === 'NONE') {
    if (command !== '') throw new GantryError('invalid', 'HEALTHCHECK NONE takes no arguments');
    return { Test: ['NONE'] };
  }
  if (kind !== 'CMD') throw new GantryError('invalid', `Unknown type ${JSON.stringify(kind)} in HEALTHCHECK (try CMD)`);
  if (command === '') throw new GantryError('invalid', 'Missing command after HEALTHCHECK CMD');
  const list = jsonList(command);
  const test = list === undefined ? ['CMD-SHELL', command] : ['CMD', ...list];
  return flags.reduce<Healthcheck>((check, flag) => ({ ...check, ...settingOf(flag) }), { Test: test });
}

function settingOf(flag: string): Healthcheck {
  const [, name = '', value = ''] = /^--([^=]*)=?(.*)$/s.exec(flag) ?? [];
  if (name === 'retries') return { Retries: retriesOf(value) };
  const field = Object.hasOwn(durations, name) ? durations[name as keyof typeof durations] : undefined;
  if (field === undefined) throw new GantryError('invalid', `unknown flag: --${name}`);
  return { [field]: Number(durationOf(name, value)) };
}

function retriesOf(value: string): number {
  const retries = Number(value);
  if (!/^[+-]?\d{1,9}$/.test(value))
    throw new GantryError('invalid', `strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
  if (retries < 0) throw new GantryError('invalid', `--retries cannot be negative (${retries})`);
  return retries;
}

function durationOf(name: string, value: string): bigint {
  const durationNs = value === '' ? 0n : parseGoDuration(value);
  if (durationNs < 0n) throw new GantryError('invalid', `Interval ${JSON.stringify(name)} cannot be negative`);
  if (durationNs > 0n && durationNs < leastNs)
    throw new GantryError('invalid', `Interval ${JSON.stringify(name)} cannot be less than 1ms`);
  return durationNs;
}
