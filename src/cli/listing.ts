/** Lists of things: a table by default, whatever --format says otherwise. */
import type { Context } from './command.ts';
import { formatRows, type GoStruct } from './format/index.ts';
import { write } from './world.ts';

export const listFormatUsage = `Format output using a custom template:
'table':            Print output in table format with column headers (default)
'table TEMPLATE':   Print output in table format using the given Go template
'json':             Print in JSON format
'TEMPLATE':         Print output using the given Go template`;

export const objectFormatUsage = `Format output using a custom template:
'json':             Print in JSON format
'TEMPLATE':         Print output using the given Go template`;

export interface Listing {
  readonly format: string;
  readonly quiet: boolean;
  /** The template of the table that is shown when no other is asked for. */
  readonly defaultTable: string;
  /** Column titles by field. */
  readonly headers: Readonly<Record<string, string>>;
  /** Rows whose fields include ID. */
  readonly rows: readonly GoStruct[];
}

export async function printListing({ world }: Context, listing: Listing): Promise<void> {
  const { format, quiet, defaultTable, headers, rows } = listing;
  if (quiet && format !== '' && format !== 'table') {
    await write(world.stderr, 'WARNING: Ignoring custom format, because both --format and --quiet are set.\n');
  }
  const isDefault = format === '' || format === 'table';
  const template = quiet ? '{{.ID}}' : isDefault ? defaultTable : format;
  const text = formatRows(template, rows, headers);
  if (text !== '') await write(world.stdout, text);
}

/** The first `most` characters, the last of them an ellipsis when some were cut off. */
export function ellipsis(text: string, most: number): string {
  const letters = Array.from(text);
  return letters.length <= most ? text : `${letters.slice(0, most - 1).join('')}…`;
}

/** The first twelve digits of an id, without its algorithm. */
export function shortId(id: string): string {
  return id.replace(/^[a-z0-9]+:/, '').slice(0, 12);
}
