export * from './clock.ts';
export * from './errors.ts';
export * from './flagHelp.ts';
export * from './flags.ts';
export * from './locks.ts';
export * from './logger.ts';
export * from './undo.ts';
export * from './worker.ts';
