/** Help text for a flag set, in the two-column layout that `--help` of container engines has. */
import type { Flag, FlagSet } from './flags.ts';

/** Blanks between the longest flag and the descriptions. */
const gutter = 3;
/** A line may be this much longer than where breaking it is first tried, so that no short word stands alone. */
const slack = 5;
/** Where descriptions go when the terminal is too narrow for two columns, and the least width that they get. */
const narrowIndent = 16;
const leastWidth = 24;

function leftColumn(name: string, flag: Flag<unknown>): string {
  const short = flag.short === undefined ? '    ' : `-${flag.short}, `;
  return `  ${short}--${name}${flag.type === '' || flag.type === 'count' ? '' : ` ${flag.type}`}`;
}

function description(flag: Flag<unknown>): string {
  const shown = flag.shownDefault === undefined ? '' : ` (default ${flag.shownDefault})`;
  const deprecated = flag.deprecated === undefined ? '' : ` (DEPRECATED: ${flag.deprecated})`;
  return `${flag.usage}${shown}${deprecated}`;
}

/** Where to end the first line of `text`: at its own line break, or else at the last blank that fits; -1 if neither. */
function breakAt(text: string, width: number): number {
  const window = text.slice(0, width);
  const blank = Math.max(window.lastIndexOf(' '), window.lastIndexOf('\t'), window.lastIndexOf('\n'));
  const ownBreak = window.lastIndexOf('\n');
  return ownBreak > 0 && ownBreak < blank ? ownBreak : blank;
}

/** Breaks `text` into lines of at most `width` columns where blanks allow it, keeping its own line breaks. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  let left = text;
  while (left.length >= width) {
    const end = breakAt(left, width - slack);
    if (end <= 0) break;
    lines.push(...left.slice(0, end).split('\n'));
    left = left.slice(end + 1);
  }
  return left === '' ? lines : [...lines, ...left.split('\n')];
}

/** Lines of help for all flags that are not hidden, by name, wrapped to `columns`. Ends with a newline if not empty. */
export function flagHelp(set: FlagSet, columns: number): string {
  const rows = Object.entries(set)
    .filter(([, flag]) => flag.hidden !== true)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, flag]) => [leftColumn(name, flag), description(flag)] as const);
  const wide = Math.max(0, ...rows.map(([left]) => left.length)) + gutter;
  const narrow = columns - wide < leastWidth;
  const indent = narrow ? narrowIndent : wide;
  const separator = `\n${' '.repeat(indent)}`;
  return rows
    .map(([left, text]) => {
      const wrapped = wrapText(text, Math.max(columns - indent, leastWidth)).join(separator);
      return `${left}${narrow ? separator : ' '.repeat(wide - left.length)}${wrapped}\n`;
    })
    .join('');
}
