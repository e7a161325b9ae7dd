/** Instructions that change how an image is run, applied to a configuration (Dockerfile reference). */
import { posix } from 'node:path';

import type { ContainerConfig } from '../../api/index.ts';
import { GantryError } from '../../base/index.ts';
import { parseSignal } from '../../linux/index.ts';
import { expandWord, type Environment } from './expand.ts';
import { healthcheckOf } from './healthcheck.ts';
import { parseInstructions, type Instruction } from './lines.ts';
import { exposedPorts } from './ports.ts';
import { jsonList, listOrWords, namesAndValues } from './words.ts';

type Change = (config: ContainerConfig, instruction: Instruction) => Partial<ContainerConfig>;

const changes: Readonly<Record<string, Change>> = {
  cmd: (config, { rest }) => ({ Cmd: commandOf(config, rest) }),
  entrypoint: (config, { rest }) => ({
    Entrypoint: rest === '' || rest === '[]' ? undefined : commandOf(config, rest),
  }),
  env: setVariables,
  expose: (config, instruction) => ({
    ExposedPorts: withKeys(
      config.ExposedPorts,
      wordsOf(config, instruction).flatMap((word) => exposedPorts(word)),
    ),
  }),
  healthcheck: (_, instruction) => ({ Healthcheck: healthcheckOf(instruction) }),
  label: setLabels,
  onbuild: (config, instruction) => ({ OnBuild: [...(config.OnBuild ?? []), triggerOf(instruction)] }),
  stopsignal: (config, instruction) => ({ StopSignal: signalOf(oneWordOf(config, instruction)) }),
  user: (config, instruction) => ({ User: oneWordOf(config, instruction) }),
  volume: (config, instruction) => ({ Volumes: withKeys(config.Volumes, volumesOf(config, instruction)) }),
  workdir: (config, instruction) => ({ WorkingDir: directoryOf(config, oneWordOf(config, instruction)) }),
};

/** Instructions that have flags of their own. */
const withFlags = new Set(['healthcheck', 'onbuild']);

/**
 * The configuration with `lines`, each one or more lines of a Dockerfile, applied in order. An ENTRYPOINT takes away a command
 * that no CMD among them gave. Throws `invalid`, with Docker's words, for what is malformed and for any instruction that
 * concerns more than the configuration (RUN, COPY, FROM, SHELL, ...).
 */
export function applyChanges(config: ContainerConfig, lines: readonly string[]): ContainerConfig {
  if (lines.length === 0) return config;
  const instructions = parseInstructions(lines.join('\n'));
  for (const { name } of instructions)
    if (!Object.hasOwn(changes, name)) throw new GantryError('invalid', `${name} is not a valid change command`);
  const changed = instructions.reduce(applied, config);
  const names = new Set(instructions.map(({ name }) => name));
  const losesCommand = names.has('entrypoint') && !names.has('cmd');
  return losesCommand ? { ...changed, Cmd: undefined } : changed;
}

function applied(config: ContainerConfig, instruction: Instruction): ContainerConfig {
  const [flag] = instruction.flags;
  if (flag !== undefined && !withFlags.has(instruction.name)) throw unknownFlag(flag);
  return { ...config, ...changes[instruction.name]?.(config, instruction) };
}

function unknownFlag(flag: string): GantryError {
  return new GantryError('invalid', `unknown flag: ${flag.replace(/=.*/s, '')}`);
}

function environmentOf(config: ContainerConfig): Environment {
  return new Map((config.Env ?? []).map((variable) => splitOnce(variable)));
}

function splitOnce(variable: string): [name: string, value: string] {
  const equals = variable.indexOf('=');
  return equals < 0 ? [variable, ''] : [variable.slice(0, equals), variable.slice(equals + 1)];
}

/** The JSON form as it stands; the shell form as an argument of the shell. */
function commandOf({ Shell: shell }: ContainerConfig, rest: string): string[] {
  const list = jsonList(rest);
  if (list !== undefined) return [...list];
  return [...(shell ?? ['/bin/sh', '-c']), ...(rest === '' ? [] : [rest])];
}

function expandedPairs(config: ContainerConfig, instruction: Instruction): [name: string, value: string][] {
  const environment = environmentOf(config);
  return namesAndValues(instruction).map(([name, value]) => {
    const expanded = expandWord(name, environment, instruction.escape);
    if (expanded === '') throw new GantryError('invalid', `${instruction.name.toUpperCase()} names can not be blank`);
    return [expanded, expandWord(value, environment, instruction.escape)];
  });
}

/** A variable that is there already keeps its place. */
function setVariables(config: ContainerConfig, instruction: Instruction): Partial<ContainerConfig> {
  const variables = [...(config.Env ?? [])];
  for (const [name, value] of expandedPairs(config, instruction)) {
    const at = variables.findIndex((variable) => splitOnce(variable)[0] === name);
    if (at < 0) variables.push(`${name}=${value}`);
    else variables[at] = `${name}=${value}`;
  }
  return { Env: variables };
}

function setLabels(config: ContainerConfig, instruction: Instruction): Partial<ContainerConfig> {
  return { Labels: { ...config.Labels, ...Object.fromEntries(expandedPairs(config, instruction)) } };
}

function wordsOf(config: ContainerConfig, instruction: Instruction): string[] {
  const words = listOrWords(instruction.rest);
  if (words.length === 0)
    throw new GantryError('invalid', `${instruction.name.toUpperCase()} requires at least one argument`);
  const environment = environmentOf(config);
  return words.map((word) => expandWord(word, environment, instruction.escape));
}

/** All of the rest as one argument. */
function oneWordOf(config: ContainerConfig, { name, rest, escape }: Instruction): string {
  if (rest === '') throw new GantryError('invalid', `${name.toUpperCase()} requires exactly one argument`);
  return expandWord(rest, environmentOf(config), escape);
}

function volumesOf(config: ContainerConfig, instruction: Instruction): string[] {
  return wordsOf(config, instruction).map((word) => {
    const volume = word.trim();
    if (volume === '') throw new GantryError('invalid', 'VOLUME specified can not be an empty string');
    return volume;
  });
}

function withKeys(
  before: Readonly<Record<string, unknown>> | null | undefined,
  keys: readonly string[],
): Record<string, Record<string, never>> {
  return Object.fromEntries([...Object.keys(before ?? {}), ...keys].map((key) => [key, {}]));
}

/** A relative directory lies in the one before. */
function directoryOf({ WorkingDir: before }: ContainerConfig, directory: string): string {
  if (directory === '') throw new GantryError('invalid', 'cannot normalize nothing');
  return posix.resolve('/', before ?? '', directory);
}

function signalOf(text: string): string {
  parseSignal(text);
  return text;
}

/** Instructions that no image may leave to the images built on it. */
const noTriggers = new Set(['FROM', 'MAINTAINER']);

function triggerOf({ flags, rest }: Instruction): string {
  if (flags[0] !== undefined) throw unknownFlag(flags[0]);
  if (rest === '') throw new GantryError('invalid', 'ONBUILD requires at least one argument');
  const trigger = (rest.split(/\s/, 1)[0] ?? '').toUpperCase();
  if (trigger === 'ONBUILD') throw new GantryError('invalid', "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (noTriggers.has(trigger)) throw new GantryError('invalid', `${trigger} isn't allowed as an ONBUILD trigger`);
  return rest;
}
