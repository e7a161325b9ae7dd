import { createExec } from './createExec.ts';
import { attachContainer } from './attachContainer.ts';
import { commitContainer, type CommitRequest } from './commitContainer.ts';
import { containerChanges } from './containerChanges.ts';
import { containerStats, type StatsOptions } from './containerStats.ts';
import { createContainer } from './createContainer.ts';
import { getArchive } from './getArchive.ts';
import { exportContainer } from './exportContainer.ts';
import { historyOfImage, inspectImage, listImages } from './listImages.ts';
import { inspectContainer, listContainers } from './listContainers.ts';
import { inspectExec, resizeExec } from './inspectExec.ts';
import type { EngineParts } from './parts.ts';
import { pauseContainer, unpauseContainer } from './pauseContainer.ts';
import { pruneContainers } from './pruneContainers.ts';
import { pruneImages } from './pruneImages.ts';
import { putArchive, type PutArchiveRequest } from './putArchive.ts';
import { pullImage, type ProgressReport, type PullRequest } from './pullImage.ts';
import { readLogs, type LogOptions } from './readLogs.ts';
import { removeContainer } from './removeContainer.ts';
import { removeImage } from './removeImage.ts';
import { renameContainer } from './renameContainer.ts';
import { resizeContainer } from './resizeContainer.ts';
import { restartContainer } from './restartContainer.ts';
import { statArchive } from './statArchive.ts';
import { startContainer } from './startContainer.ts';
import { expectExecStartable, startExec } from './startExec.ts';
import { killContainer, stopContainer, type StopOptions } from './stopContainer.ts';
import { systemInfo, systemVersion } from './systemInfo.ts';
import { tagImage } from './tagImage.ts';
import { topContainer } from './topContainer.ts';
import { updateContainer } from './updateContainer.ts';
import { waitContainer, type WaitCondition } from './waitContainer.ts';

import type {
  ContainerCreateRequest,
  ContainerUpdateRequest,
  ExecCreateRequest,
  ExecStartRequest,
} from '../api/index.ts';

type Filters = ReadonlyMap<string, ReadonlySet<string>>;
type Size = { readonly height: number; readonly width: number };

/** The engine as the server sees it: every use case, bound to the parts that it stands on. */
export function createEngine(parts: EngineParts) {
  return {
    containers: {
      create: (request: { name: string | undefined; platform: string | undefined; body: ContainerCreateRequest }) =>
        createContainer(parts, request),
      list: (options: Parameters<typeof listContainers>[1]) => listContainers(parts, options),
      inspect: (ref: string, options: { readonly size: boolean }) => inspectContainer(parts, ref, options),
      start: (ref: string) => startContainer(parts, ref),
      stop: (ref: string, options: StopOptions) => stopContainer(parts, ref, options),
      restart: (ref: string, options: StopOptions) => restartContainer(parts, ref, options),
      kill: (ref: string, signal: string | undefined) => killContainer(parts, ref, signal),
      pause: (ref: string) => pauseContainer(parts, ref),
      unpause: (ref: string) => unpauseContainer(parts, ref),
      rename: (ref: string, name: string) => renameContainer(parts, ref, name),
      remove: (ref: string, options: Parameters<typeof removeContainer>[2]) => removeContainer(parts, ref, options),
      wait: (ref: string, condition: WaitCondition, signal: AbortSignal) =>
        waitContainer(parts, ref, condition, signal),
      attach: (ref: string, options: Parameters<typeof attachContainer>[2]) => attachContainer(parts, ref, options),
      logs: (ref: string, options: LogOptions) => readLogs(parts, ref, options),
      resize: (ref: string, size: Size) => resizeContainer(parts, ref, size),
      changes: (ref: string) => containerChanges(parts, ref),
      export: (ref: string) => exportContainer(parts, ref),
      commit: (request: CommitRequest) => commitContainer(parts, request),
      top: (ref: string, psArgs: string | undefined) => topContainer(parts, ref, psArgs),
      stats: (ref: string, options: StatsOptions, signal: AbortSignal) => containerStats(parts, ref, options, signal),
      update: (ref: string, body: ContainerUpdateRequest) => updateContainer(parts, ref, body),
      prune: (filters: Filters) => pruneContainers(parts, filters),
    },
    archives: {
      stat: (ref: string, path: string) => statArchive(parts, ref, path),
      get: (ref: string, path: string) => getArchive(parts, ref, path),
      put: (ref: string, request: PutArchiveRequest) => putArchive(parts, ref, request),
    },
    execs: {
      create: (ref: string, body: ExecCreateRequest) => createExec(parts, ref, body),
      expectStartable: (id: string) => expectExecStartable(parts, id),
      start: (id: string, body: ExecStartRequest) => startExec(parts, id, body),
      resize: (id: string, size: Size) => resizeExec(parts, id, size),
      inspect: (id: string) => inspectExec(parts, id),
    },
    images: {
      list: (options: Parameters<typeof listImages>[1]) => listImages(parts, options),
      inspect: (name: string, options: Parameters<typeof inspectImage>[2]) => inspectImage(parts, name, options),
      history: (name: string, options: Parameters<typeof historyOfImage>[2]) => historyOfImage(parts, name, options),
      tag: (name: string, target: Parameters<typeof tagImage>[2]) => tagImage(parts, name, target),
      remove: (name: string, options: Parameters<typeof removeImage>[2]) => removeImage(parts, name, options),
      prune: (filters: Filters) => pruneImages(parts, filters),
      pull: (request: PullRequest, report: ProgressReport, signal: AbortSignal) =>
        pullImage(parts, request, report, signal),
    },
    events: {
      events: (options: Parameters<EngineParts['journal']['subscribe']>[0], signal: AbortSignal) =>
        parts.journal.subscribe(options, signal),
    },
    system: {
      info: () => systemInfo(parts),
      version: () => systemVersion(parts),
    },
  };
}
