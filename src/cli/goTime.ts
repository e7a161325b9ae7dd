/** Times read by a layout, as Go's programs read them: the layout is the moment 2006-01-02T15:04:05 written in the wanted form. */
const nsPerSecond = 1_000_000_000n;

interface Field {
  readonly form: RegExp;
  readonly name: string;
  readonly least: number;
  readonly most: number;
}

const twoDigits = /^\d\d/;
const fields: Readonly<Record<string, Field>> = {
  '2006': { form: /^\d{4}/, name: 'year', least: 0, most: 9999 },
  '01': { form: twoDigits, name: 'month', least: 1, most: 12 },
  // How many days the month has is known at the end.
  '02': { form: twoDigits, name: 'day', least: 0, most: 99 },
  '15': { form: /^\d\d?/, name: 'hour', least: 0, most: 23 },
  '04': { form: twoDigits, name: 'minute', least: 0, most: 59 },
  '05': { form: twoDigits, name: 'second', least: 0, most: 59 },
};
const zone = 'Z07:00';
const zoneForm = /^(?:Z|([+-])(\d\d):(\d\d))/;
const token = /2006|01|02|15|04|05|Z07:00|[-T:]/g;

/**
 * Nanoseconds since the epoch. A layout without a zone is at `offsetMinutes` east of UTC; a fraction of a second may follow the
 * seconds. Throws an Error with Go's text.
 */
export function parseGoTime(layout: string, text: string, offsetMinutes: number): bigint {
  const read: Record<string, number> = {};
  let rest = text;
  let fraction = '';
  let offset = offsetMinutes;
  const refuse = (part: string): never => {
    throw new Error(
      `parsing time ${JSON.stringify(text)} as ${JSON.stringify(layout)}: cannot parse ${JSON.stringify(rest)} as ${JSON.stringify(part)}`,
    );
  };
  const take = (form: RegExp, part: string): RegExpExecArray => {
    const match = form.exec(rest) ?? refuse(part);
    rest = rest.slice(match[0].length);
    return match;
  };
  for (const [part] of layout.matchAll(token)) {
    const field = Object.hasOwn(fields, part) ? fields[part] : undefined;
    if (field !== undefined) {
      read[part] = inRange(text, field, Number(take(field.form, part)[0]));
      if (part === '05') fraction = take(/^(?:[.,](\d+))?/, part)[1] ?? '';
    } else if (part === zone) {
      const [, sign, hours = '0', minutes = '0'] = take(zoneForm, part);
      offset = (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
    } else if (rest.startsWith(part)) {
      rest = rest.slice(part.length);
    } else {
      refuse(part);
    }
  }
  if (rest !== '') throw new Error(`parsing time ${JSON.stringify(text)}: extra text: ${JSON.stringify(rest)}`);
  const seconds = secondsOf(text, read) - offset * 60;
  return BigInt(seconds) * nsPerSecond + BigInt(fraction.slice(0, 9).padEnd(9, '0'));
}

function inRange(text: string, { name, least, most }: Field, value: number): number {
  if (value < least || value > most) throw outOfRange(text, name);
  return value;
}

function outOfRange(text: string, name: string): Error {
  return new Error(`parsing time ${JSON.stringify(text)}: ${name} out of range`);
}

function secondsOf(text: string, read: Readonly<Record<string, number>>): number {
  const { '2006': year = 1, '01': month = 1, '02': day = 1, '15': hour = 0, '04': minute = 0, '05': second = 0 } = read;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (day < 1 || date.getUTCMonth() !== month - 1) throw outOfRange(text, 'day');
  return date.setUTCHours(hour, minute, second) / 1000;
}
