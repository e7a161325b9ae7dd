import { messageOf, type Clock, type Logger } from '../base/index.ts';
import type { ContainerRecord } from '../containers/index.ts';
import { createContainerLog, type ContainerLog, type LogSubject } from '../logs/index.ts';
import type { DataPaths } from '../store/index.ts';

interface Known {
  record: ContainerRecord;
  readonly log: ContainerLog;
}

/** The logs of containers; writer and readers of one container share one. */
export class ContainerLogs {
  readonly #byId = new Map<string, Known>();
  readonly #paths: DataPaths;
  readonly #clock: Clock;
  readonly #logger: Logger | undefined;

  constructor(paths: DataPaths, clock: Clock, logger?: Logger) {
    this.#paths = paths;
    this.#clock = clock;
    this.#logger = logger;
  }

  of(record: ContainerRecord): ContainerLog {
    const known = this.#byId.get(record.id) ?? { record, log: this.#create(record) };
    known.record = record;
    this.#byId.set(record.id, known);
    return known.log;
  }

  forget(id: string): void {
    this.#byId.delete(id);
  }

  #create(record: ContainerRecord): ContainerLog {
    const { log: json, localLog: local } = this.#paths.container(record.id);
    return createContainerLog(record.hostConfig.LogConfig, {
      paths: { json, local },
      subject: () => subjectOf(this.#byId.get(record.id)?.record ?? record),
      clock: this.#clock,
      onError: (error) =>
        this.#logger?.warn('the log of a container failed', { container: record.id, error: messageOf(error) }),
    });
  }
}

function subjectOf(record: ContainerRecord): LogSubject {
  return {
    id: record.id,
    name: record.name,
    imageId: record.imageId,
    imageName: record.config.Image ?? '',
    command: [record.path, ...record.args],
    createdAt: record.createdAt,
    labels: record.config.Labels ?? {},
    environment: record.config.Env ?? [],
  };
}
