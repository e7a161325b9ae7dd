/** The daemon's entry: options, wiring, signals. */
import { rmSync } from 'node:fs';

import { createLogger, GantryError, messageOf, type Logger } from '../base/index.ts';
import { createEngine, restore, shutdown, type EngineParts } from '../engine/index.ts';
import { adoptOrphans } from '../linux/index.ts';
import { compileDefaultFilter } from '../runtime/index.ts';
import { execPaths, type RecordDatabase } from '../store/index.ts';
import { createServer, type ApiServer, type Backends } from '../server/index.ts';

import { parseDaemonCommand, type DaemonOptions } from './daemonOptions.ts';
import { trimWhenIdle } from './idleTrim.ts';
import { listenTargets } from './listenTargets.ts';
import { claimPidfile, openEngine } from './openEngine.ts';
import { version } from './version.ts';

const drainMs = 3_000;

interface RunningDaemon {
  readonly options: DaemonOptions;
  readonly parts: EngineParts;
  readonly records: RecordDatabase;
  readonly server: ApiServer;
  readonly pidfile: string;
}

async function main(args: readonly string[]): Promise<void> {
  const command = parseDaemonCommand(args, process.stdout.columns ?? 80);
  switch (command.kind) {
    case 'help':
      process.stdout.write(command.text);
      return;
    case 'version':
      process.stdout.write(`Gantry version ${version}\n`);
      return;
    case 'validate':
      process.stdout.write('configuration OK\n');
      return;
    case 'run':
      await run(command.options);
  }
}

async function run(options: DaemonOptions): Promise<void> {
  if (process.getuid?.() !== 0) throw new GantryError('forbidden', 'gantryd needs to be started as root');
  const logger = createLogger(options.logLevel, (line) => process.stderr.write(line));
  const targets = listenTargets(options);
  adoptOrphans();
  const { parts, records } = await openEngine(options, logger);
  const pidfile = options.pidfile ?? execPaths(options.execRoot).pidfile;
  claimPidfile(pidfile);
  await restore(parts);
  const backends: Backends = createEngine(parts);
  const server = createServer({ backends, info: { version }, logger });
  stopOnSignals({ options, parts, records, server, pidfile }, logger);
  for (const target of targets) {
    const address = await server.listen(target);
    logger.info('API listening', { address });
    if (target.kind === 'tcp') logger.warn('whoever reaches this address is root on this host', { address });
  }
  compileDefaultFilter(parts.host);
  trimWhenIdle();
  logger.info('gantryd is ready', { version, runtime: parts.settings.defaultRuntime, pid: process.pid });
}

function stopOnSignals(daemon: RunningDaemon, logger: Logger): void {
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) return;
    stopping = true;
    logger.info('stopping', { signal });
    void stopDaemon(daemon, logger);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.on('uncaughtException', (error) =>
    logger.error('uncaught exception', { error: error.stack ?? error.message }),
  );
  process.on('unhandledRejection', (error) =>
    logger.error('unhandled rejection', {
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    }),
  );
}

async function stopDaemon(daemon: RunningDaemon, logger: Logger): Promise<void> {
  const { options, parts, records, server, pidfile } = daemon;
  try {
    await shutdown(parts, { stopContainers: !options.liveRestore, timeoutSeconds: options.shutdownTimeoutSeconds });
    await server.close({ drainMs });
    const idle = [...parts.live.entries()].length === 0;
    await parts.network.close({ destroy: idle });
    parts.registry.close();
    records.close();
    rmSync(pidfile, { force: true });
  } catch (error) {
    logger.error('stopping failed', { error: messageOf(error) });
    process.exitCode = 1;
  }
  // Streams of containers that live on are still open here; the log on stderr is written synchronously.
  process.exit();
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const hint = error instanceof GantryError && error.hint !== undefined ? `\n${error.hint}` : '';
  process.stderr.write(`gantryd: ${messageOf(error)}${hint}\n`);
  // The streams of containers that were taken back already would keep a daemon that serves nobody.
  process.exit(1);
}
