import { flagHelp, switchFlag, textFlag, listFlag, type FlagSet } from '../base/index.ts';
import { defaultHost } from '../client/index.ts';
import { programName, type Command } from './command.ts';
import { configFolder } from './configFile.ts';
import { commonCommands, entries, groups, otherCommands, pathsTo, type EntryId, type Group } from './tree.ts';
import { columnsOf, type World } from './world.ts';

const configSummary = 'Location of client config files';

export const globalFlags = {
  config: textFlag(configSummary),
  debug: switchFlag('Enable debug mode', { short: 'D' }),
  host: listFlag(`Daemon socket to connect to (default "${defaultHost}")`, { short: 'H' }),
  'log-level': textFlag('Set the logging level ("debug", "info", "warn", "error", "fatal")', {
    short: 'l',
    initial: 'info',
  }),
  version: switchFlag('Print version information and quit', { short: 'v' }),
  help: switchFlag('Print usage', { hidden: true, short: 'h' }),
} satisfies FlagSet;

/** A command's flags with `--help`; its short form stands aside where the command uses the letter. */
export function withHelpFlag(flags: FlagSet): FlagSet {
  const taken = Object.values(flags).some((flag) => flag.short === 'h');
  return { ...flags, help: switchFlag('Print usage', taken ? {} : { short: 'h', hidden: true }) };
}

function flagColumns(world: World): number {
  return columnsOf(world.stdout) - 1;
}

/** `Usage:  gantry run [OPTIONS] IMAGE ...` */
export function usageLine(path: string, command: Command): string {
  const other = command.otherUsage === undefined ? '' : `\n\t${path} ${command.otherUsage}`;
  return `Usage:  ${path}${command.usage === '' ? '' : ` ${command.usage}`}${other}`;
}

export function commandHelp(world: World, id: EntryId, path: string, command: Command): string {
  const paths = pathsTo(id).map((words) => `${programName} ${words}`);
  const aliases = paths.length > 1 ? `\nAliases:\n  ${paths.join(', ')}\n` : '';
  const description = command.description === undefined ? '' : `\n${command.description}\n`;
  const flags = flagHelp(withHelpFlag(command.flags), flagColumns(world));
  const options = flags === '' ? '' : `\nOptions:\n${flags}`;
  return `${usageLine(path, command)}\n\n${entries[id].summary}\n${description}${aliases}${options}`;
}

function rows(items: readonly (readonly [string, string])[]): string {
  const width = Math.max(11, ...items.map(([name]) => name.length));
  return items.map(([name, summary]) => `  ${name.padEnd(width)} ${summary}\n`).join('');
}

function idRows(ids: readonly EntryId[]): string {
  return rows(ids.map((id) => [id, entries[id].summary]));
}

export function groupHelp(name: string, group: Group): string {
  const commands = rows(group.commands.map(([id, own]) => [own, entries[id].summary]));
  return (
    `Usage:  ${programName} ${name} COMMAND\n\n${group.summary}\n\nCommands:\n${commands}\n` +
    `Run '${programName} ${name} COMMAND --help' for more information on a command.\n`
  );
}

export function topHelp(world: World): string {
  const shown = Object.entries(groups).filter(([, { hidden }]) => hidden !== true);
  const config = textFlag(`${configSummary} (default "${configFolder(world)}")`);
  const management = rows(shown.map(([name, { summary }]) => [name, summary]));
  return (
    `Usage:  ${programName} [OPTIONS] COMMAND\n\nA self-sufficient runtime for containers\n\n` +
    `Common Commands:\n${idRows(commonCommands)}\nManagement Commands:\n${management}\n` +
    `Commands:\n${idRows(otherCommands)}\nGlobal Options:\n${flagHelp({ ...globalFlags, config }, flagColumns(world))}\n` +
    `Run '${programName} COMMAND --help' for more information on a command.\n`
  );
}
