/**
 * A node:test reporter for runs of hundreds of tests: says nothing of those that pass, all of those that fail, and ends
 * with one line of counts for scripts/test.ts.
 */
import path from 'node:path';
import type { TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export const countsMark = '#counts ';

type FailEvent = Extract<TestEvent, { type: 'test:fail' }>;

export default async function* report(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of source) {
    if (event.type === 'test:fail') yield failure(event.data);
    else if (event.type === 'test:stdout' || event.type === 'test:stderr') yield event.data.message;
    else if (event.type === 'test:diagnostic' && event.data.level === 'error') yield `${event.data.message}\n`;
    else if (event.type === 'test:summary' && event.data.file === undefined) yield summary(event.data.counts);
  }
}

function failure(data: FailEvent['data']): string {
  const { error } = data.details;
  // a suite fails because a test in it did, which has been told
  if (data.details.type === 'suite' && inspect(error).includes('subtestsFailed')) return '';
  const place = data.file === undefined ? '' : ` (${path.relative(process.cwd(), data.file)}:${data.line ?? 0})`;
  const reason = inspect(error.cause ?? error, { depth: 3 }).replaceAll('\n', '\n    ');
  return `\nFAILED: ${data.name}${place}\n    ${reason}\n`;
}

function summary(counts: Extract<TestEvent, { type: 'test:summary' }>['data']['counts']): string {
  const { tests, passed } = counts;
  const skipped = counts.skipped + counts.todo;
  const result: Counts = { passed, failed: tests - passed - skipped, skipped };
  return `${countsMark}${JSON.stringify(result)}\n`;
}
