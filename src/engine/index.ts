export { ContainerLogs } from './containerLogs.ts';
export { createEngine } from './createEngine.ts';
export { Execs } from './execs.ts';
export { HealthWatch } from './healthWatch.ts';
export { LiveContainers } from './live.ts';
export type { EngineParts, EngineSettings } from './parts.ts';
export { Pulls } from './pulls.ts';
export { restore } from './restore.ts';
export { shutdown } from './shutdown.ts';
