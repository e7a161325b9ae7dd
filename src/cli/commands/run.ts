import type { ContainerCreateRequest } from '../../api/index.ts';
import { messageOf, switchFlag, textFlag, type FlagValues } from '../../base/index.ts';
import {
  attachContainer,
  killContainer,
  resizeContainer,
  startContainer,
  waitContainer,
  type RawStream,
} from '../../client/index.ts';
import type { ContainerWait } from '../../api/index.ts';
import { atLeast, defineCommand, type Context } from '../command.ts';
import { containerFlags } from '../containerFlags.ts';
import { detachKeysFor } from '../configFile.ts';
import { checkedRequest, createWithImage, failedWith } from '../createContainer.ts';
import { errorText, ExitError } from '../errors.ts';
import { followSize, proxySignals, streamSession, terminalSize } from '../session.ts';
import { write } from '../world.ts';

const flags = {
  ...containerFlags,
  detach: switchFlag('Run container in background and print container ID', { short: 'd' }),
  'detach-keys': textFlag('Override the key sequence for detaching a container'),
  pull: textFlag('Pull image before running ("always", "missing", "never")', { initial: 'missing' }),
  'sig-proxy': switchFlag('Proxy received signals to the process', { initial: true }),
};

type Values = FlagValues<typeof flags>;

/** The status that a refused start means: the program was not found, or could not be executed. */
export function startFailureStatus(message: string): number {
  if (/executable file not found|no such file or directory|system cannot find the file/.test(message)) return 127;
  return /permission denied|is a directory/.test(message) ? 126 : 125;
}

function asDetached(body: ContainerCreateRequest): ContainerCreateRequest {
  return { ...body, AttachStdin: false, AttachStdout: false, AttachStderr: false, StdinOnce: false };
}

/** The container is made by now: what fails from here on is no failure of the command line's. */
async function attachOf(context: Context, id: string, body: ContainerCreateRequest, keys: string): Promise<RawStream> {
  try {
    return await attachContainer(context.api, id, {
      stdin: body.AttachStdin === true,
      stdout: body.AttachStdout === true,
      stderr: body.AttachStderr === true,
      ...(keys === '' ? {} : { detachKeys: keys }),
    });
  } catch (error) {
    throw new ExitError(1, errorText(error), { cause: error });
  }
}

async function startOrFail(context: Context, id: string, gone: Promise<unknown> | undefined): Promise<void> {
  try {
    await startContainer(context.api, id);
  } catch (error) {
    // With --rm the daemon removes what did not start; the next command must not meet it.
    await gone?.catch(() => {});
    throw failedWith(context, startFailureStatus(messageOf(error)), errorText(error));
  }
}

function statusOf(context: Context, waited: ContainerWait): number {
  const problem = waited.Error?.Message;
  if (problem !== undefined && problem !== '') throw failedWith(context, 125, problem);
  return waited.StatusCode;
}

async function runDetached(context: Context, id: string): Promise<number> {
  await startOrFail(context, id, undefined);
  await write(context.world.stdout, `${id}\n`);
  return 0;
}

async function runAttached(
  context: Context,
  id: string,
  body: ContainerCreateRequest,
  values: Values,
): Promise<number> {
  const { api, world } = context;
  const detachKeys = detachKeysFor(world, values['detach-keys']);
  const raw = await attachOf(context, id, body, detachKeys);
  const waiting = await waitContainer(api, id, values.rm ? 'removed' : 'next-exit');
  const stopSignals = values['sig-proxy'] ? proxySignals(world, (signal) => killContainer(api, id, signal)) : () => {};
  let stopSize: (() => void) | undefined;
  try {
    // Output may come before the start's answer does, so the streams are read from here on.
    const tty = values.tty;
    const session = streamSession(world, raw, {
      tty,
      stdin: body.AttachStdin === true,
      detachKeys,
    });
    session.catch(() => {});
    await startOrFail(context, id, values.rm ? waiting.value : undefined).catch((error: unknown) => {
      raw.close();
      throw error;
    });
    if (tty) stopSize = followSize(world, (size) => resizeContainer(api, id, size));
    if ((await session) === 'detached') return 0;
    return statusOf(context, await waiting.value);
  } finally {
    stopSize?.();
    stopSignals();
  }
}

function checkTerminal(context: Context, body: ContainerCreateRequest): void {
  if (body.Tty === true && body.AttachStdin === true && context.world.stdin.isTTY !== true) {
    throw new ExitError(1, 'the input device is not a TTY');
  }
}

export const command = defineCommand({
  usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
  flags,
  count: atLeast(1),
  stopAtPositional: true,
  async run(context, { values, changed, positionals: [image = '', ...command] }) {
    const size = terminalSize(context.world);
    const wanted = checkedRequest(
      context,
      { values, changed, image, command },
      size ? [size.rows, size.columns] : [0, 0],
    );
    if (values.detach && values.attach.length > 0) {
      throw new ExitError(1, 'conflicting options: cannot specify both --attach and --detach');
    }
    const body = values.detach ? asDetached(wanted) : wanted;
    checkTerminal(context, body);
    const { name, platform, quiet, cidfile } = values;
    try {
      const pull = values.pull || 'missing';
      const id = await createWithImage(context, body, { name, platform, pull, quiet, cidfile });
      return await (values.detach ? runDetached(context, id) : runAttached(context, id, body, values));
    } catch (error) {
      throw error instanceof ExitError ? error : failedWith(context, 125, errorText(error));
    }
  },
});
