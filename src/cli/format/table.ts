import { headerFunctions } from './functions.ts';
import { alignTabs } from './tabwriter.ts';
import { Template } from './template.ts';
import { TemplateError } from './templateError.ts';
import { GoStruct } from './values.ts';

const tableKey = 'table';

/** Whether a `--format` asks for a table, that is, for a header row and aligned columns. */
export function isTableFormat(format: string): boolean {
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
  try {
    const template = new Template(templateOf(format));
    const lines = rows.map((row) => `${template.execute(row)}\n`).join('');
    if (!isTableFormat(format)) return lines;
    const header = template.execute(headerRow(headers), { functions: headerFunctions });
    return alignTabs(`${header}\n${lines}`);
  } catch (error) {
    if (error instanceof TemplateError) throw new TemplateError(`template parsing error: ${error.message}`);
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

/** Titles by field; `.Label "com.example.my-name"` has the title `my name`. */
function headerRow(headers: Readonly<Record<string, string>>): unknown {
  const label = (name: unknown): string => (String(name).split('.').at(-1) ?? '').replaceAll(/[-_]/g, ' ');
  return new HeaderRow({ ...headers, Label: label });
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
