/** The ways in which an instruction's arguments are cut into words. Quotes and escapes are kept for `expand.ts`. */
import { GantryError } from '../../base/index.ts';
import type { EscapeCharacter, Instruction } from './lines.ts';

/** The list of a JSON form; undefined for the shell form. Throws `invalid` for a JSON list of something else than text. */
export function jsonList(rest: string): readonly string[] | undefined {
  if (!rest.startsWith('[')) return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(rest);
  } catch {
    return undefined;
  }
  if (!Array.isArray(parsed)) return undefined;
  if (parsed.every((item) => typeof item === 'string')) return parsed;
  throw new GantryError('invalid', 'when using JSON array syntax, arrays must be comprised of strings only');
}

/** A JSON list, or words between spaces. */
export function listOrWords(rest: string): readonly string[] {
  return jsonList(rest) ?? rest.split(/\s+/).filter((word) => word !== '');
}

/** Words between spaces; what is quoted or escaped does not end one. */
export function quotedWords(rest: string, escape: EscapeCharacter): string[] {
  const words: string[] = [];
  let word = '';
  let quote = '';
  for (let at = 0; at < rest.length; at++) {
    const character = rest.charAt(at);
    if (quote === '' && /\s/.test(character)) {
      if (word !== '') words.push(word);
      word = '';
      continue;
    }
    word += character;
    if (character === escape && quote !== "'") word += rest.charAt(++at);
    else if (quote === '' && (character === '"' || character === "'")) quote = character;
    else if (character === quote) quote = '';
  }
  return word === '' ? words : [...words, word];
}

/** `NAME=VALUE ...`, or the old form `NAME VALUE`. Throws `invalid`. */
export function namesAndValues({
  name,
  rest,
  escape,
}: Instruction): readonly (readonly [name: string, value: string])[] {
  const upper = name.toUpperCase();
  const words = quotedWords(rest, escape);
  if (words.length === 0) throw new GantryError('invalid', `${upper} requires at least one argument`);
  if (words[0]?.includes('=') !== true) {
    const [, first = '', value] = /^(\S+)\s+([\s\S]+)$/.exec(rest) ?? [];
    if (value === undefined) throw new GantryError('invalid', `${upper} must have two arguments`);
    return [[first, value]];
  }
  return words.map((word) => {
    const equals = word.indexOf('=');
    if (equals < 0)
      throw new GantryError(
        'invalid',
        `Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`,
      );
    return [word.slice(0, equals), word.slice(equals + 1)];
  });
}
