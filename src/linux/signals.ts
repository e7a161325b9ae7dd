import { constants } from 'node:os';

import { GantryError } from '../base/index.ts';

const firstRealtime = 34;
const lastRealtime = 64;

/** Names with their SIG, as the kernel numbers them here; SIGCLD and SIGPOLL are other names that Docker knows. */
const byName = new Map<string, number>([
  ...Object.entries(constants.signals),
  ['SIGCLD', constants.signals.SIGCHLD],
  ['SIGPOLL', constants.signals.SIGIO],
]);

const byNumber = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));

/** `RTMIN`, `RTMIN+3`, `RTMAX-2`. */
function realtime(name: string): number | undefined {
  const match = /^SIG(RTMIN|RTMAX)(?:([+-])([0-9]{1,2}))?$/.exec(name);
  if (match === null) return undefined;
  const [, base, sign, distance = '0'] = match;
  if (sign !== undefined && sign !== (base === 'RTMIN' ? '+' : '-')) return undefined;
  const number = base === 'RTMIN' ? firstRealtime + Number(distance) : lastRealtime - Number(distance);
  return number >= firstRealtime && number <= lastRealtime ? number : undefined;
}

/**
 * The number of a signal as Docker's users write it: `SIGKILL`, `kill`, `9`, `RTMIN+3`. Anything else, 0 included, is
 * `invalid` in Docker's words.
 */
export function parseSignal(text: string): number {
  const refused = new GantryError('invalid', `invalid signal: ${text}`);
  if (/^[0-9]{1,4}$/.test(text)) {
    const number = Number(text);
    if (number < 1 || number > lastRealtime) throw refused;
    return number;
  }
  const upper = text.toUpperCase();
  const name = upper.startsWith('SIG') ? upper : `SIG${upper}`;
  const number = byName.get(name) ?? realtime(name);
  if (number === undefined) throw refused;
  return number;
}

/** The usual name of a signal, with SIG; its digits when it has none. */
export function signalName(number: number): string {
  return byNumber.get(number) ?? String(number);
}
