import type { ExecInspect } from '../api/index.ts';
import { GantryError } from '../base/index.ts';

import type { EngineParts } from './parts.ts';

/** GET /exec/{id}/json. */
export async function inspectExec({ execs }: Pick<EngineParts, 'execs'>, id: string): Promise<ExecInspect> {
  const { request, containerId, state, exitCode, process } = execs.get(id);
  const [entrypoint = '', ...args] = request.Cmd ?? [];
  return {
    ID: id,
    Running: state === 'running',
    ExitCode: exitCode,
    ProcessConfig: {
      tty: request.Tty === true,
      entrypoint,
      arguments: args,
      privileged: request.Privileged === true,
      ...(request.User ? { user: request.User } : {}),
    },
    OpenStdin: request.AttachStdin === true,
    OpenStderr: request.AttachStderr === true,
    OpenStdout: request.AttachStdout === true,
    CanRemove: false,
    ContainerID: containerId,
    DetachKeys: request.DetachKeys ?? '',
    Pid: process?.pid ?? 0,
  };
}

/** POST /exec/{id}/resize: the size of its terminal. */
export async function resizeExec(
  { execs }: Pick<EngineParts, 'execs'>,
  id: string,
  size: { readonly height: number; readonly width: number },
): Promise<void> {
  const { process, state } = execs.get(id);
  if (process === undefined || state !== 'running') throw new GantryError('conflict', `exec ${id} is not running`);
  process.resize(size);
}
