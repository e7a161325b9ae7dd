import type { Clock } from '../base/index.ts';
import type { ContainerRecord } from '../containers/index.ts';
import { createContainerLog, parseLogConfig, type ContainerLog } from '../logs/index.ts';
import type { DataPaths } from '../store/index.ts';

/** The logs of containers; writer and readers of one container share one. */
export class ContainerLogs {
  readonly #byId = new Map<string, ContainerLog>();
  readonly #paths: DataPaths;
  readonly #clock: Clock;

  constructor(paths: DataPaths, clock: Clock) {
    this.#paths = paths;
    this.#clock = clock;
  }

  of(record: ContainerRecord): ContainerLog {
    const known = this.#byId.get(record.id);
    if (known !== undefined) return known;
    const log = createContainerLog(parseLogConfig(record.hostConfig.LogConfig), {
      path: this.#paths.container(record.id).log,
      subject: { labels: record.config.Labels ?? {}, environment: record.config.Env ?? [] },
      clock: this.#clock,
    });
    this.#byId.set(record.id, log);
    return log;
  }

  forget(id: string): void {
    this.#byId.delete(id);
  }
}
