/** The options `labels`, `labels-regex`, `env` and `env-regex`: what of a container's configuration stands with its entries. */
import { createContext, runInContext } from 'node:vm';

import { messageOf } from '../base/index.ts';
import type { LogSubject } from './types.ts';

export interface AttributeChoice {
  /** Names of labels and of environment variables. */
  readonly labels: readonly string[];
  readonly labelPattern: RegExp | undefined;
  readonly environment: readonly string[];
  readonly environmentPattern: RegExp | undefined;
}

/** Throws an error for a pattern that is none. */
export function attributeChoice(options: Readonly<Record<string, string>>): AttributeChoice {
  return {
    labels: splitNames(options['labels']),
    labelPattern: patternOf(options['labels-regex']),
    environment: splitNames(options['env']),
    environmentPattern: patternOf(options['env-regex']),
  };
}

function splitNames(text: string | undefined): string[] {
  return (text ?? '').split(',').filter((name) => name !== '');
}

/** Go's pattern in JavaScript's words: flags in front and named groups are written otherwise. */
function patternOf(text: string | undefined): RegExp | undefined {
  if (text === undefined || text === '') return undefined;
  const flags = /^\(\?([ims]+)\)/.exec(text);
  const body = text.slice(flags?.[0].length ?? 0).replaceAll('(?P<', '(?<');
  try {
    return new RegExp(body, flags?.[1] ?? '');
  } catch (cause) {
    const isOpen = messageOf(cause).endsWith('Unterminated character class');
    const reason = isOpen ? 'missing closing ]' : 'invalid or unsupported Perl syntax';
    const subject = isOpen ? text.slice(text.lastIndexOf('[')) : text;
    throw new Error(`error parsing regexp: ${reason}: \`${subject}\``, { cause });
  }
}

/** What was chosen and is there; of an environment variable that is set twice, the last. */
export function chooseAttributes(choice: AttributeChoice, subject: LogSubject): Record<string, string> {
  const environment = new Map(
    subject.environment.filter((text) => text.includes('=')).map((text) => splitAt(text, text.indexOf('='))),
  );
  const labels = new Map(Object.entries(subject.labels));
  return Object.fromEntries([
    ...chosen(labels, choice.labels, choice.labelPattern),
    ...chosen(environment, choice.environment, choice.environmentPattern),
  ]);
}

function splitAt(text: string, at: number): [string, string] {
  return [text.slice(0, at), text.slice(at + 1)];
}

function chosen(
  values: ReadonlyMap<string, string>,
  names: readonly string[],
  pattern: RegExp | undefined,
): [string, string][] {
  const matching = new Set(pattern === undefined ? [] : matchingNames(pattern, [...values.keys()]));
  return [...values].filter(([name]) => names.includes(name) || matching.has(name));
}

/** A pattern may take time that grows with the power of a name's length: the daemon does not wait for that. */
const longestMatchMs = 1000;

function matchingNames(pattern: RegExp, names: readonly string[]): string[] {
  const matching: string[] = [];
  const work = (): void => void matching.push(...names.filter((name) => pattern.test(name)));
  try {
    runInContext('work()', createContext({ work }), { timeout: longestMatchMs });
  } catch (cause) {
    throw new Error(`error matching regexp: \`${pattern.source}\` takes more than ${longestMatchMs} ms`, { cause });
  }
  return matching;
}
