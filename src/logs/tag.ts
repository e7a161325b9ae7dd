/**
 * The option `tag`: a template in Go's notation. Of that language there are fields (`{{.Name}}`, `{{.ContainerLabels.tier}}`), `index`
 * of a map, string constants, pipes through `lower`, `upper`, `title` and `json`, and the trimming of white space.
 */
import { hostname } from 'node:os';

import type { LogSubject } from './types.ts';

type Value = string | readonly string[] | Readonly<Record<string, string>>;

const shortIdLength = 12;
/** The time that a template takes may grow with the square of its length. */
const longestTemplate = 4096;
const action = /\{\{(-\s)?((?:"(?:[^"\\]|\\.)*"|`[^`]*`|[^}"`])*?)(\s-)?\}\}/g;
const word = /\s*(?:(\||\(|\))|("(?:[^"\\]|\\.)*")|`([^`]*)`|([^\s|()"`]+))/y;

function fieldsOf(subject: LogSubject): Readonly<Record<string, Value>> {
  const [entrypoint = '', ...args] = subject.command;
  return {
    ID: subject.id.slice(0, shortIdLength),
    FullID: subject.id,
    Name: subject.name,
    ImageID: subject.imageId.slice(0, shortIdLength),
    ImageFullID: subject.imageId,
    ImageName: subject.imageName,
    Command: subject.command.join(' '),
    Hostname: hostname(),
    DaemonName: 'docker',
    ContainerID: subject.id,
    ContainerName: `/${subject.name}`,
    ContainerEntrypoint: entrypoint,
    ContainerArgs: args,
    ContainerImageID: subject.imageId,
    ContainerImageName: subject.imageName,
    ContainerCreated: subject.createdAt,
    ContainerEnv: subject.environment,
    ContainerLabels: subject.labels,
  };
}

const functions: Readonly<Record<string, (text: string) => string>> = {
  lower: (text) => text.toLowerCase(),
  upper: (text) => text.toUpperCase(),
  title: (text) => text.replaceAll(/(^|\s)\p{L}/gu, (start) => start.toUpperCase()),
  json: (text) => JSON.stringify(text),
};

function failure(line: string): Error {
  return new Error(`template: log-tag:${line}`);
}

/** A container's tag. Throws an error with Docker's text for a template that is none, or that asks for what is not there. */
export function renderTag(template: string, subject: LogSubject): string {
  if (template.length > longestTemplate) throw failure(`1: longer than ${longestTemplate} characters`);
  const fields = fieldsOf(subject);
  let text = '';
  let last = 0;
  let trimNext = false;
  for (const match of template.matchAll(action)) {
    const [whole, trimsBefore, body = '', trimsAfter] = match;
    let before = template.slice(last, match.index);
    if (trimNext) before = before.trimStart();
    if (trimsBefore !== undefined) before = before.trimEnd();
    text += before + textOf(evaluate(body, fields, match.index + 2));
    last = match.index + whole.length;
    trimNext = trimsAfter !== undefined;
  }
  const rest = template.slice(last);
  if (rest.includes('{{')) throw failure('1: unclosed action');
  return text + (trimNext ? rest.trimStart() : rest);
}

function textOf(value: Value): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return `[${value.join(' ')}]`;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[${entries.map(([key, one]) => `${key}:${one}`).join(' ')}]`;
}

function evaluate(body: string, fields: Readonly<Record<string, Value>>, position: number): Value {
  if (/^\s*\/\*.*\*\/\s*$/s.test(body)) return '';
  const commands = split(body);
  if (commands.some((words) => words.length === 0)) throw failure('1: missing value for command');
  const [first = [], ...pipes] = commands;
  let value = evaluateFirst(first, fields, position);
  for (const [name = '', ...rest] of pipes) value = call(name, [...rest.map((text) => literal(text)), textOf(value)]);
  return value;
}

/** The words of each command between the pipes. */
function split(body: string): string[][] {
  const commands: string[][] = [[]];
  const text = body.trim();
  word.lastIndex = 0;
  while (word.lastIndex < text.length) {
    const at = word.lastIndex;
    const match = word.exec(text);
    if (match === null) throw failure(`1: unexpected ${JSON.stringify(text.slice(at))} in command`);
    const [, sign, quoted, raw, plain] = match;
    if (sign === '|') commands.push([]);
    else if (sign !== undefined) throw failure(`1: parentheses are not supported in a tag`);
    else commands.at(-1)?.push(quoted ?? (raw === undefined ? (plain ?? '') : JSON.stringify(raw)));
  }
  return commands;
}

function evaluateFirst(words: readonly string[], fields: Readonly<Record<string, Value>>, position: number): Value {
  const [name = '', ...rest] = words;
  const operand = (text: string): Value => (text.startsWith('.') ? field(text, fields, position) : literal(text));
  if (name === 'index') {
    const [map = '', ...keys] = rest.map(operand);
    if (typeof map === 'string' || Array.isArray(map) || keys.length !== 1) {
      throw failure(`1:${position}: executing "log-tag" at <index>: error calling index: expected a map and a key`);
    }
    return own(map, textOf(keys[0] ?? ''));
  }
  if (name.startsWith('.') || name.startsWith('"')) {
    if (rest.length > 0) throw failure(`1:${position}: executing "log-tag" at <${name}>: ${name} is not a function`);
    return operand(name);
  }
  return call(
    name,
    rest.map((text) => textOf(operand(text))),
  );
}

function own(map: Value, key: string): string {
  const record = map as Readonly<Record<string, string>>;
  return Object.hasOwn(record, key) ? (record[key] ?? '') : '';
}

function field(path: string, fields: Readonly<Record<string, Value>>, position: number): Value {
  const [name = '', key, ...deeper] = path.slice(1).split('.');
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (value === undefined) {
    throw failure(`1:${position}: executing "log-tag" at <${path}>: can't evaluate field ${name} in type *logger.Info`);
  }
  if (key === undefined) return value;
  if (typeof value === 'string' || Array.isArray(value) || deeper.length > 0) {
    throw failure(`1:${position}: executing "log-tag" at <${path}>: can't evaluate field ${key}`);
  }
  return own(value, key);
}

function literal(text: string): string {
  if (!text.startsWith('"')) throw failure(`1: function ${JSON.stringify(text)} not defined`);
  try {
    return JSON.parse(text) as string;
  } catch (cause) {
    throw new Error(`template: log-tag:1: unterminated quoted string`, { cause });
  }
}

function call(name: string, args: readonly string[]): string {
  const work = Object.hasOwn(functions, name) ? functions[name] : undefined;
  if (work === undefined) throw failure(`1: function ${JSON.stringify(name)} not defined`);
  if (args.length !== 1) throw failure(`1: wrong number of args for ${name}: want 1 got ${args.length}`);
  return work(args[0] ?? '');
}
