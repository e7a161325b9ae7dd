/** Aligns columns as Go's text/tabwriter does: a column is a run of lines that have a cell there, a cell ends with a tab. */

export interface TabOptions {
  readonly minWidth: number;
  readonly padding: number;
}

/** How docker's listings are set. */
const listingTabs: TabOptions = { minWidth: 10, padding: 3 };

/** The text with its tabs replaced by spaces. The last cell of a line is not part of a column. */
export function alignTabs(text: string, options: TabOptions = listingTabs): string {
  const lines = text.split('\n').map((line) => line.split('\t'));
  const widths = lines.map((cells) => cells.slice(0, -1).map(() => 0));
  setWidths(lines, widths, { column: 0, start: 0, end: lines.length }, options);
  return lines.map((cells, index) => renderLine(cells, widths[index] ?? [])).join('\n');
}

interface Block {
  readonly column: number;
  readonly start: number;
  readonly end: number;
}

/** Gives each run of lines that have a cell in the column one width, then goes on to the right within the run. */
function setWidths(lines: readonly string[][], widths: number[][], block: Block, options: TabOptions): void {
  const { column, end } = block;
  const hasCell = (index: number): boolean => index < end && column < (lines[index]?.length ?? 0) - 1;
  for (let start = block.start; start < end; start++) {
    let after = start;
    let width = options.minWidth;
    for (; hasCell(after); after++) width = Math.max(width, cellWidth(lines[after]?.[column]) + options.padding);
    if (after === start) continue;
    for (const line of widths.slice(start, after)) line[column] = width;
    setWidths(lines, widths, { column: column + 1, start, end: after }, options);
    start = after;
  }
}

/** In code points, as Go counts it. */
function cellWidth(cell: string | undefined): number {
  return Array.from(cell ?? '').length;
}

function renderLine(cells: readonly string[], widths: readonly number[]): string {
  return cells.map((cell, column) => cell + ' '.repeat(Math.max((widths[column] ?? 0) - cellWidth(cell), 0))).join('');
}
