/** Calls of the Engine API's /containers and /exec, one function each. `ref` is an id, a unique prefix of one, or a name. */
import type {
  ContainerChange,
  ContainerCreateRequest,
  ContainerCreateResponse,
  ContainerInspect,
  ContainersPruned,
  ContainerStats,
  ContainerSummary,
  ContainerTop,
  ContainerUpdateRequest,
  ContainerUpdateResponse,
  ContainerWait,
  ExecCreateRequest,
  ExecInspect,
  ExecStartRequest,
} from '../api/index.ts';
import { GantryError } from '../base/index.ts';
import { encodeFilters, pathPart, type Api } from './api.ts';
import type { RawStream } from './http.ts';

export type Filters = ReadonlyMap<string, ReadonlySet<string>>;

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

export type WaitCondition = 'not-running' | 'next-exit' | 'removed';

export interface AttachQuery {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly detachKeys?: string;
  /** Replay the log first. */
  readonly logs?: boolean;
}

export interface LogsQuery {
  readonly follow: boolean;
  readonly timestamps: boolean;
  readonly details: boolean;
  /** Seconds since the epoch with nine decimals, or empty. */
  readonly since: string;
  readonly until: string;
  /** A count of lines, or `all`. */
  readonly tail: string;
}

function containerPath(ref: string, verb = ''): string {
  if (ref.trim() === '') throw new GantryError('invalid', 'invalid container name or ID: value is empty');
  return `/containers/${pathPart(ref)}${verb}`;
}

export function createContainer(
  api: Api,
  body: ContainerCreateRequest,
  options: { readonly name?: string; readonly platform?: string },
): Promise<ContainerCreateResponse> {
  return api.json('POST', '/containers/create', { body, query: { ...options } });
}

export function listContainers(
  api: Api,
  options: { readonly all: boolean; readonly limit: number; readonly size: boolean; readonly filters: Filters },
): Promise<ContainerSummary[]> {
  const limit = options.limit > 0 ? options.limit : undefined;
  const query = { all: options.all, limit, size: options.size, filters: encodeFilters(options.filters) };
  return api.json('GET', '/containers/json', { query });
}

export function inspectContainer(api: Api, ref: string, size = false): Promise<ContainerInspect> {
  return api.json('GET', containerPath(ref, '/json'), { query: { size } });
}

/** The inspect answer as the daemon wrote it. */
export function inspectContainerText(api: Api, ref: string, size: boolean): Promise<string> {
  return api.text('GET', containerPath(ref, '/json'), { query: { size } });
}

/** Starts it; a container that runs already is fine. */
export async function startContainer(api: Api, ref: string): Promise<void> {
  await api.run('POST', containerPath(ref, '/start'));
}

/** Stops or restarts it. `timeoutSeconds` -1 waits for ever; undefined takes the container's own grace period. */
export async function stopContainer(
  api: Api,
  ref: string,
  verb: 'stop' | 'restart',
  options: { readonly timeoutSeconds: number | undefined; readonly signal: string },
): Promise<void> {
  const query = { t: options.timeoutSeconds, signal: options.signal };
  await api.run('POST', containerPath(ref, `/${verb}`), { query });
}

export async function killContainer(api: Api, ref: string, signal: string): Promise<void> {
  await api.run('POST', containerPath(ref, '/kill'), { query: { signal } });
}

export async function pauseContainer(api: Api, ref: string, verb: 'pause' | 'unpause'): Promise<void> {
  await api.run('POST', containerPath(ref, `/${verb}`));
}

export async function renameContainer(api: Api, ref: string, name: string): Promise<void> {
  await api.run('POST', containerPath(ref, '/rename'), { query: { name } });
}

export async function removeContainer(
  api: Api,
  ref: string,
  options: { readonly force: boolean; readonly volumes: boolean; readonly link: boolean },
): Promise<void> {
  const query = { force: options.force, v: options.volumes, link: options.link };
  await api.run('DELETE', containerPath(ref), { query });
}

/** Resolves when the daemon has begun to wait; `value` when the condition holds. */
export function waitContainer(
  api: Api,
  ref: string,
  condition: WaitCondition | undefined,
  signal?: AbortSignal,
): Promise<{ readonly value: Promise<ContainerWait> }> {
  return api.promised('POST', containerPath(ref, '/wait'), { query: { condition }, ...(signal && { signal }) });
}

/** Attaches; with a TTY the output is raw, else multiplexed. */
export function attachContainer(api: Api, ref: string, options: AttachQuery): Promise<RawStream> {
  return api.hijack('POST', containerPath(ref, '/attach'), {
    query: { stream: true, ...options },
    headers: { 'Content-Type': 'text/plain' },
  });
}

/** The log as it is written: raw with a TTY, else multiplexed. */
export function containerLogs(
  api: Api,
  ref: string,
  options: LogsQuery,
  signal?: AbortSignal,
): Promise<AsyncIterable<Buffer>> {
  const query = { stdout: true, stderr: true, ...options };
  return api.bytes('GET', containerPath(ref, '/logs'), { query, ...(signal && { signal }) });
}

export async function resizeContainer(api: Api, ref: string, size: TerminalSize): Promise<void> {
  await api.run('POST', containerPath(ref, '/resize'), { query: { h: size.rows, w: size.columns } });
}

export function topContainer(api: Api, ref: string, psArgs: string): Promise<ContainerTop> {
  return api.json('GET', containerPath(ref, '/top'), { query: { ps_args: psArgs } });
}

/** Samples of what a container uses: one a second with `stream`, until it is removed; else one that took a second. */
export function containerStats(
  api: Api,
  ref: string,
  { stream }: { readonly stream: boolean },
  signal?: AbortSignal,
): Promise<AsyncIterable<ContainerStats>> {
  return api.lines('GET', containerPath(ref, '/stats'), {
    query: { stream: stream ? 1 : 0 },
    ...(signal && { signal }),
  });
}

export function updateContainer(api: Api, ref: string, body: ContainerUpdateRequest): Promise<ContainerUpdateResponse> {
  return api.json('POST', containerPath(ref, '/update'), { body });
}

/** What is different from its image; null when nothing is. */
export function containerChanges(api: Api, ref: string): Promise<ContainerChange[] | null> {
  return api.json('GET', containerPath(ref, '/changes'));
}

/** A tar archive of all its files, as it comes. */
export function exportContainer(api: Api, ref: string, signal?: AbortSignal): Promise<AsyncIterable<Buffer>> {
  return api.bytes('GET', containerPath(ref, '/export'), signal === undefined ? {} : { signal });
}

export interface CommitQuery {
  readonly repo: string;
  readonly tag: string;
  readonly comment: string;
  readonly author: string;
  readonly changes: readonly string[];
  readonly pause: boolean;
}

/** Makes an image of its changes. */
export function commitContainer(api: Api, ref: string, { pause, ...query }: CommitQuery): Promise<{ Id: string }> {
  if (ref.trim() === '') throw new GantryError('invalid', 'invalid container name or ID: value is empty');
  return api.json('POST', '/commit', { query: { ...query, container: ref, pause: pause ? undefined : '0' } });
}

/** Asks for something of a container's checkpoints; `name` is of one that is there. */
export async function callCheckpoints(
  api: Api,
  ref: string,
  method: 'GET' | 'POST' | 'DELETE',
  options: { readonly name?: string; readonly body?: unknown; readonly dir?: string },
): Promise<void> {
  const { name, body, dir } = options;
  const verb = name === undefined ? '/checkpoints' : `/checkpoints/${pathPart(name)}`;
  await api.run(method, containerPath(ref, verb), { query: { dir }, ...(body === undefined ? {} : { body }) });
}

export function pruneContainers(api: Api, filters: Filters): Promise<ContainersPruned> {
  return api.json('POST', '/containers/prune', { query: { filters: encodeFilters(filters) } });
}

export function createExec(api: Api, ref: string, body: ExecCreateRequest): Promise<{ Id: string }> {
  return api.json('POST', containerPath(ref, '/exec'), { body });
}

/** Starts it and leaves it alone. */
export async function startExec(api: Api, id: string, body: ExecStartRequest): Promise<void> {
  await api.run('POST', `/exec/${pathPart(id)}/start`, { body });
}

/** Starts it and takes its streams. */
export function attachExec(api: Api, id: string, body: ExecStartRequest): Promise<RawStream> {
  return api.hijack('POST', `/exec/${pathPart(id)}/start`, { body });
}

export async function resizeExec(api: Api, id: string, size: TerminalSize): Promise<void> {
  await api.run('POST', `/exec/${pathPart(id)}/resize`, { query: { h: size.rows, w: size.columns } });
}

export function inspectExec(api: Api, id: string): Promise<ExecInspect> {
  return api.json('GET', `/exec/${pathPart(id)}/json`);
}
