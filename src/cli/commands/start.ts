import { GantryError, messageOf, switchFlag, textFlag, type FlagValues } from '../../base/index.ts';
import {
  attachContainer,
  inspectContainer,
  killContainer,
  resizeContainer,
  startContainer,
  waitContainer,
} from '../../client/index.ts';
import { atLeast, defineCommand, type Context } from '../command.ts';
import { detachKeysFor } from '../configFile.ts';
import { ExitError } from '../errors.ts';
import { followSize, proxySignals, streamSession } from '../session.ts';
import { write } from '../world.ts';

const flags = {
  attach: switchFlag('Attach STDOUT/STDERR and forward signals', { short: 'a' }),
  'detach-keys': textFlag('Override the key sequence for detaching a container'),
  interactive: switchFlag("Attach container's STDIN", { short: 'i' }),
};

async function startAttached(context: Context, ref: string, values: FlagValues<typeof flags>): Promise<number> {
  const { api, world } = context;
  const { Id, Config: config, HostConfig: host } = await inspectContainer(api, ref);
  const id = Id || ref;
  const tty = config?.Tty === true;
  const stdin = values.interactive && config?.OpenStdin === true;
  const keys = detachKeysFor(world, values['detach-keys']);
  const raw = await attachContainer(api, id, {
    stdin,
    stdout: true,
    stderr: true,
    ...(keys === '' ? {} : { detachKeys: keys }),
  });
  const waiting = await waitContainer(api, id, host?.AutoRemove === true ? 'removed' : 'next-exit');
  const stopSignals = tty ? () => {} : proxySignals(world, (signal) => killContainer(api, id, signal));
  let stopSize: (() => void) | undefined;
  try {
    const session = streamSession(world, raw, { tty, stdin, detachKeys: keys });
    session.catch(() => {});
    await startContainer(api, id).catch((error: unknown) => {
      raw.close();
      throw error;
    });
    if (tty) stopSize = followSize(world, (size) => resizeContainer(api, id, size));
    if ((await session) === 'detached') return 0;
    return (await waiting.value).StatusCode;
  } finally {
    stopSize?.();
    stopSignals();
  }
}

async function startAll(context: Context, refs: readonly string[]): Promise<number> {
  const failed: string[] = [];
  let hint: string | undefined;
  for (const ref of refs) {
    try {
      await startContainer(context.api, ref);
      await write(context.world.stdout, `${ref}\n`);
    } catch (error) {
      failed.push(ref);
      if (error instanceof GantryError) hint ??= error.hint;
      await write(context.world.stderr, `${messageOf(error)}\n`);
    }
  }
  if (failed.length === 0) return 0;
  const text = `Error: failed to start containers: ${failed.join(', ')}`;
  throw new ExitError(1, hint === undefined ? text : `${text}\n${hint}`);
}

export const command = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  flags,
  count: atLeast(1),
  async run(context, { values, positionals }) {
    if (!values.attach && !values.interactive) return startAll(context, positionals);
    if (positionals.length > 1) throw new ExitError(1, 'you cannot start and attach multiple containers at once');
    return startAttached(context, positionals[0] ?? '', values);
  },
});
