export * from './content.ts';
export * from './paths.ts';
export * from './records.ts';
export * from './snapshotter.ts';
export * from './tar/pack.ts';
