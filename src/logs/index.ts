export { createContainerLog, type LogPaths, type LogPlace } from './drivers.ts';
export { checkLogConfig, logDrivers, type LogConfig } from './logConfig.ts';
export * from './render.ts';
export type { ContainerLog, LogEntry, LogReader, LogReadOptions, LogSubject, LogWriter } from './types.ts';
