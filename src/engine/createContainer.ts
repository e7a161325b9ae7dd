import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';

import type { ContainerConfig, ContainerCreateRequest, ContainerCreateResponse, HostConfig } from '../api/index.ts';
import { formatTime, GantryError, messageOf, UndoStack } from '../base/index.ts';
import {
  checkHealthConfig,
  commandLine,
  completeHostConfig,
  createdState,
  generateName,
  mergeConfig,
  newId,
  parseBinds,
  parseContainerName,
  refuseUnsupported,
  shortId,
  type ContainerRecord,
} from '../containers/index.ts';
import { checkLogConfig } from '../logs/index.ts';
import { checkSettings, defaultMaskedPaths, defaultReadonlyPaths, settleResources } from '../runtime/index.ts';
import { checkExtraHosts } from '../network/index.ts';
import { parseSignal } from '../linux/index.ts';

import { announce } from './containerEvents.ts';
import { forPlatform } from './listImages.ts';
import type { EngineParts } from './parts.ts';
import { refuseMissingSource } from './prepareBundle.ts';

type Parts = Pick<
  EngineParts,
  | 'clock'
  | 'logger'
  | 'settings'
  | 'dataPaths'
  | 'host'
  | 'snapshots'
  | 'images'
  | 'runtimes'
  | 'containers'
  | 'journal'
>;

interface CreateRequest {
  readonly name: string | undefined;
  readonly platform: string | undefined;
  readonly body: ContainerCreateRequest;
}

/**
 * POST /containers/create: makes the record and the writable snapshot of a container; nothing runs yet. Throws `notFound`
 * (no such image), `conflict` (name in use), `invalid` and `notImplemented` before anything has changed.
 */
export async function createContainer(parts: Parts, request: CreateRequest): Promise<ContainerCreateResponse> {
  const { HostConfig: ownHostConfig, NetworkingConfig: networking, ...own } = request.body;
  const resources = settleResources(ownHostConfig ?? {}, parts.host);
  const hostConfig = completeHostConfig(resources.settings, hostConfigDefaults(parts));
  refuseUnsupported(hostConfig, own);
  checkHealthConfig(own.Healthcheck);
  const warnings = [...resources.warnings, ...check(parts, own, hostConfig)];
  const image = findImage(parts, own.Image ?? '', request.platform);
  const id = newId(randomBytes);
  const config = completeConfig(mergeConfig(own, image.config.config ?? {}), hostConfig, id, parts.settings.hostName);
  const record: ContainerRecord = {
    id,
    name: chooseName(parts, request.name),
    createdAt: formatTime(parts.clock()),
    imageId: image.id,
    parentSnapshot: image.chainIds.at(-1),
    config,
    hostConfig,
    ...commandLine(config),
    state: createdState,
    restartCount: 0,
    macAddress: own.MacAddress || endpointMac(networking) || undefined,
  };
  await materialize(parts, record);
  announce(parts, record, 'create');
  return { Id: id, Warnings: warnings };
}

function findImage({ images }: Parts, reference: string, platform: string | undefined): ReturnType<typeof images.find> {
  if (reference === '') throw new GantryError('invalid', 'no image specified', { hint: 'Name an image to run.' });
  return forPlatform(images.find(reference), reference, platform);
}

function endpointMac(networking: ContainerCreateRequest['NetworkingConfig']): string | undefined {
  const endpoints = Object.values(networking?.EndpointsConfig ?? {});
  return endpoints.map((endpoint) => endpoint?.MacAddress ?? '').find((address) => address !== '');
}

function hostConfigDefaults({ settings }: Parts): Parameters<typeof completeHostConfig>[1] {
  return {
    runtime: settings.defaultRuntime,
    logDriver: settings.logDriver,
    logOptions: settings.logOptions,
    maskedPaths: defaultMaskedPaths,
    readonlyPaths: defaultReadonlyPaths,
    shmSizeBytes: settings.defaultShmSizeBytes,
    cgroupnsMode: settings.defaultCgroupnsMode,
    cgroupVersion: settings.cgroupVersion,
  };
}

function completeConfig(config: ContainerConfig, host: HostConfig, id: string, hostName: string): ContainerConfig {
  const ownName = host.NetworkMode === 'host' || host.UTSMode === 'host' ? hostName : shortId(id);
  return { ...config, Hostname: config.Hostname || ownName };
}

/** Everything else about a configuration that can be known to be wrong before it is stored. Gives Docker's warnings. */
function check(parts: Parts, config: ContainerConfig, hostConfig: HostConfig): string[] {
  for (const bind of parseBinds(hostConfig)) refuseMissingSource(bind);
  checkExtraHosts(hostConfig.ExtraHosts ?? []);
  if (config.StopSignal) parseSignal(config.StopSignal);
  if (config.WorkingDir && !config.WorkingDir.startsWith('/')) {
    throw new GantryError(
      'invalid',
      `the working directory '${config.WorkingDir}' is invalid, it needs to be an absolute path`,
    );
  }
  for (const variable of config.Env ?? []) {
    if (variable.startsWith('=') || variable === '')
      throw new GantryError('invalid', `invalid environment variable: ${variable}`);
  }
  checkLogConfig(hostConfig.LogConfig);
  const runtime = hostConfig.Runtime ?? '';
  if (!parts.runtimes.has(runtime)) {
    throw new GantryError('invalid', `unknown or invalid runtime name: ${runtime}`, {
      hint: `Known runtimes: ${[...parts.runtimes.keys()].join(', ')}.`,
    });
  }
  return checkSettings(hostConfig, parts.host);
}

function chooseName({ containers }: Parts, typed: string | undefined): string {
  if (typed === undefined || typed === '') return generateName(Math.random, (name) => containers.isNameTaken(name));
  return parseContainerName(typed);
}

async function materialize(parts: Parts, record: ContainerRecord): Promise<void> {
  const { snapshots, containers, dataPaths, logger } = parts;
  const undo = new UndoStack();
  try {
    await snapshots.prepare(record.id, record.parentSnapshot);
    undo.push(() => snapshots.remove(record.id));
    const { dir } = dataPaths.container(record.id);
    undo.push(() => rmSync(dir, { recursive: true, force: true }));
    mkdirSync(dir, { recursive: true, mode: 0o710 });
    // The record goes last, and takes the snapshot's to the disk with it: before it a crash leaves orphans, which the next
    // start sweeps up, and after it a whole container.
    containers.add(record);
    undo.release();
  } catch (error) {
    await undo.unwind((failure) =>
      logger.warn('undoing a create failed', { container: record.id, error: messageOf(failure) }),
    );
    throw error;
  }
}
