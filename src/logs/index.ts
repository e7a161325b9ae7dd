export { createContainerLog } from './drivers.ts';
export * from './options.ts';
export * from './render.ts';
export type * from './types.ts';
