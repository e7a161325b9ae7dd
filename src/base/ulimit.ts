import { GantryError } from './errors.ts';

/** A limit of setrlimit(2) by its name in lower case (`nofile`); -1 is "no limit". */
export interface Ulimit {
  readonly Name: string;
  readonly Hard: number;
  readonly Soft: number;
}

const names = new Set(
  'core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack'.split(' '),
);

function limitOf(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) {
    throw new GantryError('invalid', `strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  return Number(text);
}

/** Reads `name=soft[:hard]`. Throws `invalid` for anything else. */
export function parseUlimit(text: string): Ulimit {
  const equals = text.indexOf('=');
  if (equals < 0) throw new GantryError('invalid', `invalid ulimit argument: ${text}`);
  const [name, values] = [text.slice(0, equals), text.slice(equals + 1)];
  if (!names.has(name)) throw new GantryError('invalid', `invalid ulimit type: ${name}`);
  const [first = '', second, ...more] = values.split(':');
  if (more.length > 0) {
    throw new GantryError(
      'invalid',
      `too many limit value arguments - ${values}, can only have up to two, \`soft[:hard]\``,
    );
  }
  const soft = limitOf(first);
  const hard = second === undefined ? soft : limitOf(second);
  if (hard !== -1 && soft === -1) {
    throw new GantryError(
      'invalid',
      `ulimit soft limit must be less than or equal to hard limit: soft: -1 (unlimited), hard: ${hard}`,
    );
  }
  if (hard !== -1 && soft > hard) {
    throw new GantryError('invalid', `ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`);
  }
  return { Name: name, Hard: hard, Soft: soft };
}
