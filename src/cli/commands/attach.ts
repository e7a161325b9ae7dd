import { switchFlag, textFlag } from '../../base/index.ts';
import {
  attachContainer,
  inspectContainer,
  killContainer,
  resizeContainer,
  waitContainer,
} from '../../client/index.ts';
import type { ContainerInspect } from '../../api/index.ts';
import { defineCommand, exactly } from '../command.ts';
import { detachKeysFor } from '../configFile.ts';
import { ExitError } from '../errors.ts';
import { followSize, proxySignals, streamSession, terminalSize } from '../session.ts';

function checkRunning(container: ContainerInspect): void {
  const state = container.State;
  if (state?.Running !== true) throw new ExitError(1, 'You cannot attach to a stopped container, start it first');
  if (state.Paused === true) throw new ExitError(1, 'You cannot attach to a paused container, unpause it first');
  if (state.Restarting === true)
    throw new ExitError(1, 'You cannot attach to a restarting container, wait until it is running');
}

export const command = defineCommand({
  usage: '[OPTIONS] CONTAINER',
  flags: {
    'detach-keys': textFlag('Override the key sequence for detaching a container'),
    'no-stdin': switchFlag('Do not attach STDIN'),
    'sig-proxy': switchFlag('Proxy all received signals to the process', { initial: true }),
  },
  count: exactly(1),
  async run({ api, world }, { values, positionals: [ref = ''] }) {
    const container = await inspectContainer(api, ref);
    checkRunning(container);
    const tty = container.Config?.Tty === true;
    const wantsStdin = !values['no-stdin'];
    const stdin = wantsStdin && container.Config?.OpenStdin === true;
    // Also when the container takes no input, as docker has it.
    if (tty && wantsStdin && world.stdin.isTTY !== true) throw new ExitError(1, 'the input device is not a TTY');
    const keys = detachKeysFor(world, values['detach-keys']);
    const waiting = await waitContainer(api, ref, undefined);
    const raw = await attachContainer(api, ref, {
      stdin,
      stdout: true,
      stderr: true,
      ...(keys === '' ? {} : { detachKeys: keys }),
    });
    const kill = (signal: string): Promise<void> => killContainer(api, ref, signal);
    const stopSignals = values['sig-proxy'] && !tty ? proxySignals(world, kill) : () => {};
    const size = terminalSize(world);
    // A size that differs for a moment makes programs draw their screen again.
    if (tty && size)
      await resizeContainer(api, ref, { rows: size.rows + 1, columns: size.columns + 1 }).catch(() => {});
    const stopSize = tty ? followSize(world, (next) => resizeContainer(api, ref, next)) : () => {};
    try {
      if ((await streamSession(world, raw, { tty, stdin, detachKeys: keys })) === 'detached') return 0;
      return (await waiting.value).StatusCode;
    } finally {
      stopSize();
      stopSignals();
    }
  },
});
