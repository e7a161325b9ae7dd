import { GantryError } from '../base/index.ts';

type Piece = 'any' | ((character: string) => boolean);

function badPattern(): GantryError {
  return new GantryError('invalid', 'syntax error in pattern');
}

/** Compiles a pattern of Go's path.Match: `*` and `?` stop at slashes, `[a-z]`, `[^a]`, `\` quotes. Throws `invalid`. */
export function compileGlob(pattern: string): (text: string) => boolean {
  const pieces = parsePattern(Array.from(pattern));
  return (text) => matches(pieces, Array.from(text));
}

function parsePattern(characters: readonly string[]): readonly Piece[] {
  const pieces: Piece[] = [];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at];
    if (character === '*') {
      if (pieces.at(-1) !== 'any') pieces.push('any');
    } else if (character === '?') {
      pieces.push((each) => each !== '/');
    } else if (character === '[') {
      const set = parseSet(characters, at + 1);
      pieces.push(set.piece);
      at = set.end;
    } else {
      const literal = character === '\\' ? characters[++at] : character;
      if (literal === undefined) throw badPattern();
      pieces.push((each) => each === literal);
    }
  }
  return pieces;
}

/** A set from after its `[`; `end` is where its `]` stands. */
function parseSet(characters: readonly string[], start: number): { readonly piece: Piece; readonly end: number } {
  const negated = characters[start] === '^';
  const ranges: (readonly [low: string, high: string])[] = [];
  let at = negated ? start + 1 : start;
  const take = (): string => {
    if (characters[at] === '-' || characters[at] === ']') throw badPattern();
    const character = characters[at] === '\\' ? characters[++at] : characters[at];
    at++;
    if (character === undefined || at >= characters.length) throw badPattern();
    return character;
  };
  while (ranges.length === 0 || characters[at] !== ']') {
    const low = take();
    let high = low;
    if (characters[at] === '-') {
      at++;
      high = take();
    }
    ranges.push([low, high]);
  }
  const within = (each: string): boolean => ranges.some(([low, high]) => low <= each && each <= high);
  return { piece: (each) => within(each) !== negated, end: at };
}

/** Greedy with one point to come back to, the last star: linear in the text for each star. */
function matches(pieces: readonly Piece[], text: readonly string[]): boolean {
  let piece = 0;
  let at = 0;
  let star: { readonly piece: number; at: number } | undefined;
  while (at < text.length || piece < pieces.length) {
    const current = pieces[piece];
    const character = text[at];
    if (current === 'any') {
      star = { piece, at };
      piece++;
    } else if (current !== undefined && character !== undefined && current(character)) {
      piece++;
      at++;
    } else if (star !== undefined && star.at < text.length && text[star.at] !== '/') {
      star.at++;
      at = star.at;
      piece = star.piece + 1;
    } else {
      return false;
    }
  }
  return true;
}
