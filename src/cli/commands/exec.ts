import type { ExecCreateRequest } from '../../api/index.ts';
import { listFlag, switchFlag, textFlag, type FlagValues } from '../../base/index.ts';
import { attachExec, createExec, inspectContainer, inspectExec, resizeExec, startExec } from '../../client/index.ts';
import { atLeast, defineCommand, type Context } from '../command.ts';
import { checkEnvironment } from '../containerValues.ts';
import { detachKeysFor } from '../configFile.ts';
import { ExitError } from '../errors.ts';
import { readKeyValueFile } from '../keyValueFiles.ts';
import { followSize, streamSession, terminalSize } from '../session.ts';
import type { World } from '../world.ts';

const flags = {
  detach: switchFlag('Detached mode: run command in the background', { short: 'd' }),
  'detach-keys': textFlag('Override the key sequence for detaching a container'),
  env: listFlag('Set environment variables', { short: 'e', check: checkEnvironment }),
  'env-file': listFlag('Read in a file of environment variables'),
  interactive: switchFlag('Keep STDIN open even if not attached', { short: 'i' }),
  privileged: switchFlag('Give extended privileges to the command'),
  tty: switchFlag('Allocate a pseudo-TTY', { short: 't' }),
  user: textFlag('Username or UID (format: "<name|uid>[:<group|gid>]")', { short: 'u' }),
  workdir: textFlag('Working directory inside the container', { short: 'w' }),
};

type Values = FlagValues<typeof flags>;

function environmentOf(world: World, values: Values): string[] | null {
  const lookUp = (name: string): string | undefined => world.environment[name];
  const own = values.env.map((text) => {
    const value = text.includes('=') ? undefined : lookUp(text);
    return value === undefined ? text : `${text}=${value}`;
  });
  const all = [...values['env-file'].flatMap((path) => readKeyValueFile(world, path, lookUp)), ...own];
  return all.length === 0 ? null : all;
}

function consoleSize(world: World, tty: boolean): { ConsoleSize?: [number, number] } {
  const size = tty ? terminalSize(world) : undefined;
  return size === undefined ? {} : { ConsoleSize: [size.rows, size.columns] };
}

function requestOf(world: World, values: Values, argv: readonly string[]): ExecCreateRequest {
  const attached = !values.detach;
  return {
    User: values.user,
    Privileged: values.privileged,
    Tty: values.tty,
    ...consoleSize(world, values.tty && attached),
    AttachStdin: attached && values.interactive,
    AttachStderr: attached,
    AttachStdout: attached,
    DetachKeys: detachKeysFor(world, values['detach-keys']),
    Env: environmentOf(world, values),
    WorkingDir: values.workdir,
    Cmd: [...argv],
  };
}

async function runAttached({ api, world }: Context, id: string, values: Values, detachKeys: string): Promise<number> {
  const { tty, interactive } = values;
  const raw = await attachExec(api, id, { Detach: false, Tty: tty, ...consoleSize(world, tty) });
  const stopSize = tty ? followSize(world, (size) => resizeExec(api, id, size)) : () => {};
  try {
    const session = { tty, stdin: interactive, detachKeys };
    if ((await streamSession(world, raw, session)) === 'detached') return 0;
  } finally {
    stopSize();
  }
  return (await inspectExec(api, id)).ExitCode ?? 0;
}

export const command = defineCommand({
  usage: '[OPTIONS] CONTAINER COMMAND [ARG...]',
  flags,
  count: atLeast(2),
  stopAtPositional: true,
  async run(context, { values, positionals: [ref = '', ...argv] }) {
    const { api, world } = context;
    const body = requestOf(world, values, argv);
    // Asked first, so that a missing container is told before a missing terminal.
    await inspectContainer(api, ref);
    if (body.AttachStdin === true && values.tty && world.stdin.isTTY !== true) {
      throw new ExitError(1, 'the input device is not a TTY');
    }
    const { Id: id } = await createExec(api, ref, body);
    if (!values.detach) return runAttached(context, id, values, body.DetachKeys ?? '');
    await startExec(api, id, { Detach: true, Tty: values.tty });
    return 0;
  },
});
