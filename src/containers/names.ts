import { GantryError } from '../base/index.ts';
import { adjectives, surnames } from './nameLists.ts';

const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/** A number from 0 up to, but not including, 1, such as Math.random gives. */
export type Random = () => number;

/**
 * Checks a name that the user chose and returns it without the slash that old clients put in front.
 * Throws `invalid` with Docker's text.
 */
export function parseContainerName(text: string): string {
  const name = text.startsWith('/') ? text.slice(1) : text;
  if (!namePattern.test(name)) {
    throw new GantryError('invalid', `Invalid container name (${text}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`);
  }
  return name;
}

function pick(list: readonly string[], random: Random): string {
  return list[Math.floor(random() * list.length)] ?? list[0] ?? '';
}

/**
 * A name that is not taken: an adjective and a scientist's or engineer's surname, `quiet_noether`. After a few collisions a
 * number follows, which grows until a free name is found.
 */
export function generateName(random: Random, isTaken: (name: string) => boolean): string {
  const base = (): string => `${pick(adjectives, random)}_${pick(surnames, random)}`;
  for (let attempt = 0; attempt < 5; attempt++) {
    const name = base();
    if (!isTaken(name)) return name;
  }
  for (let digits = 10; ; digits *= 10) {
    for (let attempt = 0; attempt < 10; attempt++) {
      const name = `${base()}${Math.floor(random() * digits)}`;
      if (!isTaken(name)) return name;
    }
  }
}
