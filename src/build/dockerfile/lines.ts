/** Cuts a Dockerfile into instructions (Dockerfile reference, "Format", "Parser directives", "Escape"). */
import { GantryError } from '../../base/index.ts';

/** One instruction, as typed: comments and line ends inside it are gone. */
export interface Instruction {
  /** In lower case. */
  readonly name: string;
  /** `--name=value` between the name and the arguments. */
  readonly flags: readonly string[];
  /** The arguments: what follows, without space around it. */
  readonly rest: string;
  /** Where it begins, counted from 1. */
  readonly line: number;
  /** The character that escapes others and, at its end, a line. */
  readonly escape: EscapeCharacter;
}

export type EscapeCharacter = '\\' | '`';

const textLimit = 1024 * 1024;
const directive = /^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+)$/;

/** All instructions in order, whatever their names. Throws `invalid`: no instruction at all, a bad directive, too long. */
export function parseInstructions(text: string): Instruction[] {
  if (text.length > textLimit)
    throw new GantryError('invalid', `the Dockerfile is longer than ${textLimit} characters`);
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const escape = escapeOf(lines);
  const instructions: Instruction[] = [];
  for (let at = 0; at < lines.length;) {
    const { joined, next } = joinedLine(lines, at, escape);
    if (joined !== '') instructions.push(instructionOf(joined, at + 1, escape));
    at = next;
  }
  if (instructions.length === 0) throw new GantryError('invalid', 'file with no instructions');
  return instructions;
}

/** Directives stand in comments before everything else; the first line that is none ends them. */
function escapeOf(lines: readonly string[]): EscapeCharacter {
  const given = new Map<string, string>();
  for (const line of lines) {
    const [, key = '', value = ''] = directive.exec(line) ?? [];
    if (key === '') break;
    const name = key.toLowerCase();
    if (given.has(name)) throw new GantryError('invalid', `only one ${name} parser directive can be used`);
    given.set(name, value.trimEnd());
  }
  const escape = given.get('escape') ?? '\\';
  if (escape === '\\' || escape === '`') return escape;
  throw new GantryError('invalid', `invalid escape token '${escape}' does not match \` or \\`);
}

/** The line at `at` with those that it goes on in; comments and empty lines in between are passed over. */
function joinedLine(
  lines: readonly string[],
  at: number,
  escape: EscapeCharacter,
): { readonly joined: string; readonly next: number } {
  const continuation = new RegExp(`([^\\${escape}])\\${escape}[ \\t]*$|^\\${escape}[ \\t]*$`);
  let joined = '';
  for (let next = at; next < lines.length; next++) {
    const line = lines[next] ?? '';
    const isPassedOver = /^\s*(#|$)/.test(line);
    if (isPassedOver && joined === '') return { joined: '', next: next + 1 };
    if (isPassedOver) continue;
    const text = joined === '' ? line.trimStart() : line;
    if (!continuation.test(text)) return { joined: (joined + text).trim(), next: next + 1 };
    joined += text.replace(continuation, '$1');
  }
  return { joined: joined.trim(), next: lines.length };
}

function instructionOf(joined: string, line: number, escape: EscapeCharacter): Instruction {
  const [, name = '', tail = ''] = /^(\S+)\s*([\s\S]*)$/.exec(joined) ?? [];
  const { flags, rest } = leadingFlags(tail);
  return { name: name.toLowerCase(), flags, rest: rest.trim(), line, escape };
}

/** Words that begin with two dashes, up to the first that does not, or to a bare `--`. */
function leadingFlags(tail: string): { readonly flags: readonly string[]; readonly rest: string } {
  const flags: string[] = [];
  let rest = tail;
  for (;;) {
    const [whole = '', flag = ''] = /^\s*(--\S*)(?=\s|$)/.exec(rest) ?? [];
    if (flag === '') return { flags, rest };
    rest = rest.slice(whole.length);
    if (flag === '--') return { flags, rest };
    flags.push(flag);
  }
}
