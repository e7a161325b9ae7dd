/**
 * What every end-to-end test stands on: one registry and one daemon for the whole run. With DOCKER_HOST in the
 * environment the daemon is that one, whoever made it; else it is a gantryd of our own, which must leave nothing behind.
 * GANTRY_E2E_CLI names the client program (the stock docker CLI where there is one, else gantry).
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, type TestContext } from 'node:test';

import { pushLibrary, pushVariants } from '../fixtures/images.ts';
import { clientProgram, Gantryd } from '../support/daemon.ts';
import { type Answer, request, type RequestSettings } from '../support/http.ts';
import { type Registry, startRegistry } from '../support/registry.ts';
import { describe, run, RunningProcess, type RunOptions, type RunResult } from '../support/run.ts';

interface Session {
  readonly host: string;
  readonly client: string;
  readonly registry: Registry;
  /** Absent when the daemon is somebody else's. */
  readonly gantryd: Gantryd | undefined;
  readonly clientConfigDirectory: string;
}

let session: Session | undefined;
const prefix = `e2e-${randomBytes(3).toString('hex')}`;

before(async () => {
  session = await begin();
  await Promise.all(['alpine', 'hello-world', 'redis'].map((image) => stdoutOf(['pull', '-q', library(image)])));
});

after(async () => {
  if (session !== undefined) await finish(session);
});

async function begin(): Promise<Session> {
  const registry = await startRegistry();
  await pushLibrary(registry.url, prefix);
  await pushVariants(registry.url, prefix);
  const given = process.env['DOCKER_HOST'];
  const gantryd = given ? undefined : await new Gantryd({ mirror: registry.url }).start();
  return {
    host: given || (gantryd?.host ?? ''),
    client: process.env['GANTRY_E2E_CLI'] ?? (await clientProgram()),
    registry,
    gantryd,
    clientConfigDirectory: mkdtempSync(path.join(tmpdir(), 'gantry-cli-')),
  };
}

/** Takes everything away, also when a part of it fails, and then says what should not have been left. */
async function finish({ registry, gantryd, clientConfigDirectory }: Session): Promise<void> {
  let forgotten = '';
  let left: string[] = [];
  try {
    forgotten = await removeContainers();
    await removeImages(registry.host);
  } finally {
    left = (await gantryd?.destroy()) ?? [];
    await registry.stop();
    rmSync(clientConfigDirectory, { recursive: true, force: true });
  }
  assert.equal(forgotten, '', 'every test removes its containers');
  assert.deepEqual(left, [], 'the daemon leaves nothing behind');
}

/** Gives the ids of those that there were. */
async function removeContainers(): Promise<string> {
  const ids = await stdoutOf(['ps', '-aq', '--filter', `name=${prefix}`]);
  if (ids !== '') await docker(['rm', '-fv', ...ids.split('\n')]);
  return ids;
}

async function removeImages(registryHost: string): Promise<void> {
  const images = (await stdoutOf(['images', '--format', '{{.Repository}}:{{.Tag}}'])).split('\n');
  const ours = images.filter((image) => image.startsWith(`${registryHost}/`) && !image.endsWith('<none>'));
  if (ours.length > 0) await docker(['rmi', '-f', ...ours]);
}

/** The session of this run, inside tests. */
export function engine(): Session {
  assert.ok(session, 'the session begins before the first test');
  return session;
}

/** The reference of a fixture image in the run's registry. */
export function library(name: string): string {
  return `${engine().registry.host}/library/${name}`;
}

export function variant(name: string): string {
  return `${engine().registry.host}/test/${name}`;
}

/** A name that no other run and no other test uses. */
export function uniqueName(what = 'c'): string {
  return `${prefix}-${what}-${randomBytes(4).toString('hex')}`;
}

/** The environment in which the client finds the daemon, and no configuration of the host. */
export function clientEnvironment(env: RunOptions['env'] = {}): RunOptions['env'] {
  const { host, clientConfigDirectory } = engine();
  return { DOCKER_HOST: host, DOCKER_CONFIG: clientConfigDirectory, DOCKER_CONTEXT: undefined, ...env };
}

/** Runs the client to its end, whatever its exit status. */
export function docker(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return run(engine().client, args, { ...options, env: clientEnvironment(options.env) });
}

/** Runs the client, which must succeed; gives stdout without the last newline. */
export async function stdoutOf(args: readonly string[], options: RunOptions = {}): Promise<string> {
  const result = await docker(args, options);
  assert.equal(result.code, 0, describe(result));
  return result.stdout.replace(/\n$/, '');
}

/** Runs the client, which must fail with this status; gives stderr. */
export async function failureOf(code: number, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const result = await docker(args, options);
  assert.equal(result.code, code, describe(result));
  return result.stderr;
}

/** A client that goes on running beside the test; ended with the test at the latest. */
export function dockerInBackground(t: TestContext, args: readonly string[], options: RunOptions = {}): RunningProcess {
  const child = new RunningProcess(engine().client, args, { ...options, env: clientEnvironment(options.env) });
  t.after(() => child.signal('SIGKILL'));
  return child;
}

/** `run --rm` of the alpine image; gives stdout. */
export function alpine(options: readonly string[], ...command: string[]): Promise<string> {
  return stdoutOf(['run', '--rm', '--name', uniqueName(), ...options, library('alpine'), ...command]);
}

/** Starts a container in the background that is removed with the test; gives its name. */
export async function background(t: TestContext, options: readonly string[], ...command: string[]): Promise<string> {
  const name = reserve(t);
  await stdoutOf(['run', '-d', '--name', name, ...options, library('alpine'), ...command]);
  return name;
}

/** A container name whose bearer, if there is one, is removed with the test. */
export function reserve(t: TestContext): string {
  const name = uniqueName();
  t.after(() => docker(['rm', '-fv', name]));
  return name;
}

/** Makes the file that a container of the test waits for; the container may be gone before this exec is. */
export async function release(container: string): Promise<void> {
  await docker(['exec', container, 'touch', '/go']);
}

/** One answer of `inspect --format`. */
export function inspect(container: string, format: string): Promise<string> {
  return stdoutOf(['inspect', '--format', format, container]);
}

export function api(method: string, apiPath: string, settings: RequestSettings = {}): Promise<Answer> {
  return request(engine().host, method, apiPath, settings);
}

/** A wait that the daemon has begun, which it tells by the head of its answer; the rest comes with the condition. */
export async function beginWait(container: string, condition: string): Promise<{ readonly answer: Promise<Answer> }> {
  const begun = Promise.withResolvers<void>();
  const answer = api('POST', `/containers/${container}/wait?condition=${condition}`, { onHead: begun.resolve });
  await Promise.race([begun.promise, answer]);
  return { answer };
}

/** Whether the daemon speaks this API version: the suite also runs against older ones, which differ here and there. */
export async function apiVersionFrom(wanted: number): Promise<boolean> {
  const { ApiVersion } = (await api('GET', '/version')).json() as { ApiVersion: string };
  return Number(ApiVersion) >= wanted;
}
