/** What the inspect commands share: asking for every object, then printing all as JSON or through a template. */
import { messageOf } from '../base/index.ts';
import type { Context } from './command.ts';
import { ExitError } from './errors.ts';
import { inspectValue, Template } from './format/index.ts';
import { indentJson } from './indentJson.ts';
import { write } from './world.ts';

function render(texts: readonly string[], format: string): string {
  if (format === '' || format === '{{json}}') {
    return texts.length === 0 ? '[]\n' : `[\n    ${texts.map((text) => indentJson(text, 1)).join(',\n    ')}\n]\n`;
  }
  if (format === 'json') return `[${texts.map((text) => JSON.stringify(JSON.parse(text))).join(',')}]\n`;
  const template = new Template(format.replaceAll(String.raw`\t`, '\t').replaceAll(String.raw`\n`, '\n'));
  const lines = texts.map((text) => {
    try {
      return `${template.execute(inspectValue(JSON.parse(text)), { missingKeyIsError: true })}\n`;
    } catch (error) {
      throw new ExitError(1, `template parsing error: ${messageOf(error)}`, { cause: error });
    }
  });
  return lines.length === 0 ? '\n' : lines.join('');
}

/** Inspects every target; those found are printed even when others fail, which then are told one a line. */
export async function inspectAll(
  context: Context,
  targets: readonly string[],
  format: string,
  inspect: (target: string) => Promise<string>,
): Promise<number> {
  const texts: string[] = [];
  const failures: unknown[] = [];
  for (const target of targets) {
    try {
      texts.push((await inspect(target)).trim());
    } catch (error) {
      failures.push(error);
    }
  }
  await write(context.world.stdout, render(texts, format));
  if (failures.length === 0) return 0;
  const hints = failures.flatMap((failure) => {
    const hint: unknown = failure instanceof Error ? Reflect.get(failure, 'hint') : undefined;
    return typeof hint === 'string' ? [hint] : [];
  });
  throw new ExitError(1, [...failures.map(messageOf), ...hints.slice(0, 1)].join('\n'));
}
