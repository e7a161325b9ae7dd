import { GantryError, isKind, messageOf, parseFlags, type ParsedFlags, type FlagSet } from '../base/index.ts';
import { Api, defaultHost, parseEndpoint } from '../client/index.ts';
import { programName, type Command, type Context } from './command.ts';
import { withConfigFolder } from './configFile.ts';
import { ExitError, errorText } from './errors.ts';
import { commandHelp, globalFlags, groupHelp, topHelp, usageLine, withHelpFlag } from './help.ts';
import { suggestions } from './suggest.ts';
import { entries, findCommand, groups, topNames, type Found } from './tree.ts';
import { write, type World } from './world.ts';

/** Exit status for a command line that cannot be understood. */
const usageStatus = 125;

interface Globals {
  readonly hosts: readonly string[];
  readonly debug: boolean;
}

function moreInformation(path: string, verb = 'Run'): string {
  return `${verb} '${path} --help' for more information`;
}

function apiOf(world: World, globals: Globals): Api {
  const { environment } = world;
  const host = globals.hosts.at(-1) ?? (environment['GANTRY_HOST'] || environment['DOCKER_HOST'] || defaultHost);
  const apiVersion = environment['DOCKER_API_VERSION'];
  return new Api(parseEndpoint(host), {
    userAgent: `Gantry-Client/${world.version} (linux)`,
    ...(apiVersion ? { apiVersion } : {}),
  });
}

function plural(count: number): string {
  return `${count} argument${count === 1 ? '' : 's'}`;
}

/** Complains about the number of arguments as users know it; undefined when it is right. */
function countProblem(path: string, command: Command, given: number): string | undefined {
  const { least, most } = command.count;
  if (given >= least && given <= most) return undefined;
  const usage = usageLine(path, command);
  const told = (problem: string, verb?: string): string =>
    `${programName}: '${path}' ${problem}\n\n${usage}\n\n${moreInformation(path, verb)}`;
  if (most === 0) return told('accepts no arguments');
  if (least === most) return told(`requires ${plural(least)}`);
  if (given < least) return told(`requires at least ${plural(least)}`, 'See');
  return told(`requires at most ${plural(most)}`);
}

function parseCommand(path: string, command: Command, args: readonly string[]): ParsedFlags<FlagSet> {
  try {
    return parseFlags(withHelpFlag(command.flags), args, { stopAtPositional: command.stopAtPositional === true });
  } catch (error) {
    const text = `${messageOf(error)}\n\n${usageLine(path, command)}\n\n${moreInformation(path)}`;
    throw new ExitError(usageStatus, text, { cause: error });
  }
}

async function runCommand(
  world: World,
  globals: Globals,
  found: Extract<Found, { kind: 'command' }>,
  args: readonly string[],
): Promise<number> {
  const { command } = await entries[found.id].load();
  const path = [programName, ...found.path].join(' ');
  const parsed = parseCommand(path, command, args);
  if (parsed.values['help'] === true) {
    await write(world.stdout, commandHelp(world, found.id, path, command));
    return 0;
  }
  for (const warning of parsed.warnings) await write(world.stderr, `${warning}\n`);
  const problem = countProblem(path, command, parsed.positionals.length);
  if (problem !== undefined) throw new ExitError(1, problem);
  const api = apiOf(world, globals);
  const context: Context = { world, api, path, debug: globals.debug };
  try {
    return await command.run(context, parsed);
  } finally {
    api.close();
  }
}

function unknownCommand(name: string): ExitError {
  const near = suggestions(name, topNames());
  const hint = near.length === 0 ? '' : `\n\nDid you mean this?\n${near.map((one) => `\t${one}`).join('\n')}`;
  return new ExitError(
    1,
    `${programName}: unknown command: ${programName} ${name}${hint}\n\n${moreInformation(programName)}`,
  );
}

function unknownInGroup(group: string, name: string): ExitError {
  const path = `${programName} ${group}`;
  const names = (groups[group]?.commands ?? []).flatMap(([, ...own]) => own);
  const near = suggestions(name, names);
  const hint = near.length === 0 ? '' : `\n\nDid you mean this?\n${near.map((one) => `\t${one}`).join('\n')}`;
  return new ExitError(
    1,
    `${programName}: unknown command: ${path} ${name}${hint}\n\nUsage:  ${path}\n\n${moreInformation(path)}`,
  );
}

async function help(world: World, words: readonly string[]): Promise<number> {
  const found = findCommand(words);
  if (words.length === 0) {
    await write(world.stdout, topHelp(world));
  } else if (found.kind === 'command' && words.length === found.depth) {
    const { command } = await entries[found.id].load();
    const path = [programName, ...found.path].join(' ');
    await write(world.stdout, commandHelp(world, found.id, path, command));
  } else if (found.kind === 'group' && found.unknown === undefined) {
    await write(world.stdout, groupHelp(found.name, found.group));
  } else {
    throw new ExitError(1, `unknown help topic: ${words.join(' ')}`);
  }
  return 0;
}

async function runGroup(world: World, found: Extract<Found, { kind: 'group' }>): Promise<number> {
  if (found.unknown !== undefined && !['--help', '-h'].includes(found.unknown)) {
    if (found.unknown.startsWith('-')) {
      const path = `${programName} ${found.name}`;
      const text = `unknown flag: ${found.unknown}\n\nUsage:  ${path} COMMAND\n\n${moreInformation(path)}`;
      throw new ExitError(usageStatus, text);
    }
    throw unknownInGroup(found.name, found.unknown);
  }
  await write(world.stdout, groupHelp(found.name, found.group));
  return 0;
}

function parseGlobals(args: readonly string[]): ParsedFlags<typeof globalFlags> {
  try {
    return parseFlags(globalFlags, args, { stopAtPositional: true });
  } catch (error) {
    const usage = `Usage:  ${programName} [OPTIONS] COMMAND [ARG...]`;
    throw new ExitError(usageStatus, `${messageOf(error)}\n\n${usage}\n\n${moreInformation(programName)}`, {
      cause: error,
    });
  }
}

async function dispatch(args: readonly string[], given: World): Promise<number> {
  const { values, positionals } = parseGlobals(args);
  const world = values.config === '' ? given : withConfigFolder(given, values.config);
  if (positionals.length === 0) {
    if (values.version) await write(world.stdout, `Gantry version ${world.version}\n`);
    else await write(world.stdout, topHelp(world));
    return 0;
  }
  if (!['debug', 'info', 'warn', 'error', 'fatal'].includes(values['log-level'])) {
    throw new ExitError(1, `Unable to parse logging level: ${values['log-level']}`);
  }
  if (positionals[0] === 'help') return help(world, positionals.slice(1));
  const found = findCommand(positionals);
  if (found.kind === 'unknown') throw unknownCommand(found.name);
  if (found.kind === 'group') return runGroup(world, found);
  if (values.help) return help(world, positionals.slice(0, found.depth));
  return runCommand(world, { hosts: values.host, debug: values.debug }, found, positionals.slice(found.depth));
}

/** Runs one command line; resolves with the exit status. Never rejects: what went wrong is on standard error. */
export async function main(args: readonly string[], world: World): Promise<number> {
  try {
    return await dispatch(args, world);
  } catch (error) {
    const text = errorText(error);
    if (text !== '') await write(world.stderr, `${text}\n`);
    if (error instanceof ExitError) return error.status;
    if (!(error instanceof GantryError) && error instanceof Error && world.environment['GANTRY_DEBUG']) {
      await write(world.stderr, `${error.stack}\n`);
    }
    return isKind(error, 'cancelled') ? 130 : 1;
  }
}
