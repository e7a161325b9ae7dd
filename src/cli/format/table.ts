import { headerFunctions } from './functions.ts';
import { alignTabs } from './tabwriter.ts';
import { Template } from './template.ts';
import { TemplateError } from './templateError.ts';
import { GoStruct } from './values.ts';

const tableKey = 'table';

/** Whether a `--format` asks for a table, that is, for a header row and aligned columns. */
function isTableFormat(format: string): boolean {
  return format.startsWith(tableKey);
}

/**
 * A listing as `--format` wants it: `table TEMPLATE` with a header row and aligned columns, `json` with an object a line, else
 * the template once for each row. `headers` names the columns by field. Throws TemplateError; nothing is printed then.
 */
export function formatRows(
  format: string,
  rows: readonly GoStruct[],
  headers: Readonly<Record<string, string>>,
): string {
  return explained('template parsing error', () => {
    const template = new Template(templateOf(format));
    const lines = rows.map((row) => `${template.execute(row)}\n`).join('');
    if (!isTableFormat(format)) return lines;
    const header = template.executeLeniently(headerRow(headers), headerFunctions);
    return alignTabs(`${header}\n${lines}`);
  });
}

/**
 * Tries a format as it was typed on a row without values, as `ps` does before it asks the daemon: so a wrong field is told even
 * when there is nothing to list. Throws TemplateError.
 */
export function checkFormat(format: string, emptyRow: GoStruct): void {
  const template = explained('failed to parse template', () => new Template(format));
  explained('failed to execute template', () => template.execute(emptyRow));
}

/** Says what failed, as docker does. */
function explained<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof TemplateError) throw new TemplateError(`${what}: ${error.message}`);
    throw error;
  }
}

/** The words `table` and `json` replaced, blanks at both ends cut, `\t` and `\n` as typed in a shell made what they mean. */
function templateOf(format: string): string {
  if (format === 'json') return '{{json .}}';
  const body = isTableFormat(format) ? format.slice(tableKey.length) : format;
  return body
    .replaceAll(/^ +| +$/g, '')
    .replaceAll(String.raw`\t`, '\t')
    .replaceAll(String.raw`\n`, '\n');
}

/** `com.example.my-name` has the title `my name`. */
function labelTitle(name: unknown): string {
  return (String(name).split('.').at(-1) ?? '').replaceAll(/[-_]/g, ' ');
}

/** Titles by field, and of labels by `.Label NAME`. */
function headerRow(headers: Readonly<Record<string, string>>): unknown {
  return new HeaderRow({ ...headers, Label: labelTitle });
}

/** A map with a method: fields that it lacks have no value instead of being an error. */
class HeaderRow extends GoStruct {
  constructor(members: Readonly<Record<string, unknown>>) {
    super('formatter.SubHeaderContext', members);
  }

  override has(): boolean {
    return true;
  }
}
