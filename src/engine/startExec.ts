import { mkdirSync, readFileSync, rmSync } from 'node:fs';

import type { ExecStartRequest } from '../api/index.ts';
import {
  createOutputHub,
  GantryError,
  messageOf,
  parseDetachKeys,
  type HubChunk,
  type HubSession,
} from '../base/index.ts';
import { isAlive, type ContainerRecord } from '../containers/index.ts';
import {
  execProcess,
  parseSpecProcess,
  resolveUser,
  StartRefusal,
  type OciProcess,
  type ProcessStdio,
  type RuntimeProcess,
} from '../runtime/index.ts';

import { announce, execAction } from './containerEvents.ts';
import { refuseState } from './createExec.ts';
import type { ExecInstance } from './execs.ts';
import { hasEnded } from './hasEnded.ts';
import type { LiveContainer } from './live.ts';
import type { EngineParts } from './parts.ts';
import { userDatabase } from './prepareBundle.ts';
import { runtimeOf } from './runtimeOf.ts';

type Parts = Pick<
  EngineParts,
  'containers' | 'execs' | 'execPaths' | 'host' | 'journal' | 'live' | 'logger' | 'openSpill' | 'runtimes'
>;

/**
 * POST /exec/{id}/start: runs the command and resolves when it runs, with the client's session unless it is detached. The
 * session's output begins with the process's first byte.
 */
export async function startExec(parts: Parts, id: string, request: ExecStartRequest): Promise<HubSession | undefined> {
  const { exec, record } = startable(parts, id);
  exec.state = 'starting';
  try {
    return await launch(parts, exec, record, request);
  } catch (error) {
    exec.state = 'ended';
    exec.exitCode = error instanceof StartRefusal ? error.exitCode : 126;
    throw error;
  }
}

/** Throws what refuses a start without the runtime: an unknown exec, one that has been started, a container not running. */
export async function expectExecStartable(parts: Pick<Parts, 'containers' | 'execs'>, id: string): Promise<void> {
  startable(parts, id);
}

function startable(
  parts: Pick<Parts, 'containers' | 'execs'>,
  id: string,
): { exec: ExecInstance; record: ContainerRecord } {
  const exec = parts.execs.get(id);
  const record = parts.containers.find(exec.containerId);
  refuseState(record.id, record.state.status, isAlive(record.state));
  if (exec.state === 'ended') throw new GantryError('conflict', `Error: Exec command ${id} has already run`);
  if (exec.state !== 'created') throw new GantryError('conflict', `Error: Exec command ${id} is already running`);
  return { exec, record };
}

async function launch(
  parts: Parts,
  exec: ExecInstance,
  record: ContainerRecord,
  request: ExecStartRequest,
): Promise<HubSession | undefined> {
  const stateDir = parts.execPaths.exec(exec.id);
  const { process: description, stdio } = describe(parts, exec, record, request);
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  // As with Docker, also of one that is then refused.
  announce(parts, record, execAction('exec_start', exec.request.Cmd ?? []), { execID: exec.id });
  const live = parts.live.get(record.id);
  let process: RuntimeProcess;
  try {
    process = await runtimeOf(parts, record).exec({ containerId: record.id, stateDir, stdio, process: description });
  } catch (error) {
    rmSync(stateDir, { recursive: true, force: true });
    if (error instanceof StartRefusal && !isAboutCommand(error.message))
      await refuseChanged(parts, record.id, live, error.message);
    throw error;
  }
  exec.state = 'running';
  exec.process = process;
  const session = connect(parts, exec, record, request, process);
  const settled = process.exit.then((exit) => settleExec(parts, exec, record, stateDir, exit.code));
  return session === undefined ? undefined : untilSettled(session, settled);
}

const isAboutCommand = (refusal: string): boolean => /unable to start container process: (exec|chdir)/.test(refusal);

/** What the runtime refuses because the run of the container is over, or was paused meanwhile, is a conflict and no failure. */
async function refuseChanged(
  parts: Parts,
  containerId: string,
  run: LiveContainer | undefined,
  refusal: string,
): Promise<void> {
  if (/\bpaused\b/.test(refusal)) refuseState(containerId, 'paused', true);
  if (await hasEnded(run)) refuseState(containerId, parts.containers.find(containerId).state.status, false);
}

/** Clients ask for the exit code as soon as the output has ended: it is there by then. */
function untilSettled(session: HubSession, settled: Promise<void>): HubSession {
  const left = Promise.withResolvers<void>();
  async function* output(): AsyncGenerator<HubChunk> {
    yield* session.output;
    if (!session.detached) await Promise.race([settled, left.promise]);
  }
  return {
    tty: session.tty,
    output: output(),
    stdin: session.stdin,
    get detached() {
      return session.detached;
    },
    dropped: session.dropped,
    close: () => {
      left.resolve();
      session.close();
    },
  };
}

function describe(
  { execPaths, host }: Parts,
  { request }: ExecInstance,
  record: ContainerRecord,
  start: ExecStartRequest,
): { process: OciProcess; stdio: ProcessStdio } {
  const { config, rootfs } = execPaths.container(record.id);
  const container = parseSpecProcess(readFileSync(config, 'utf8'));
  const user = request.User
    ? resolveUser(request.User, userDatabase(rootfs), record.hostConfig.GroupAdd ?? [])
    : undefined;
  const tty = request.Tty === true;
  const [height = 0, width = 0] = start.ConsoleSize ?? request.ConsoleSize ?? [];
  const size = height > 0 && width > 0 ? { consoleSize: { height, width } } : {};
  const process = execProcess({
    container,
    args: request.Cmd ?? [],
    env: request.Env ?? [],
    cwd: request.WorkingDir || undefined,
    user,
    tty,
    ...size,
    privileged: request.Privileged === true,
    boundingCapabilities: host.capabilities,
  });
  const owner = user ?? container.user;
  return { process, stdio: { stdin: request.AttachStdin === true && start.Detach !== true, tty, ...size, owner } };
}

function connect(
  parts: Parts,
  exec: ExecInstance,
  record: ContainerRecord,
  request: ExecStartRequest,
  process: RuntimeProcess,
): HubSession | undefined {
  const hub = createOutputHub({
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: process.stdin,
    ended: process.ended,
    tty: exec.request.Tty === true,
    stdinOnce: true,
    log: undefined,
    openSpill: parts.openSpill,
    onError: (error) => parts.logger.warn('a stream of an exec failed', { exec: exec.id, error: messageOf(error) }),
  });
  if (request.Detach === true) return undefined;
  return hub.attach({
    stdin: exec.request.AttachStdin === true,
    stdout: exec.request.AttachStdout === true,
    stderr: exec.request.AttachStderr === true,
    detachKeys: parseDetachKeys(exec.request.DetachKeys || undefined),
    onDetach: () => announce(parts, record, 'exec_detach', { execID: exec.id }),
  });
}

async function settleExec(
  parts: Parts,
  exec: ExecInstance,
  record: ContainerRecord,
  stateDir: string,
  exitCode: number,
): Promise<void> {
  exec.state = 'ended';
  exec.exitCode = exitCode;
  announce(parts, record, 'exec_die', { execID: exec.id, exitCode: String(exitCode) });
  try {
    rmSync(stateDir, { recursive: true, force: true });
  } catch (error) {
    parts.logger.warn('removing the files of an exec failed', { exec: exec.id, error: messageOf(error) });
  }
}
