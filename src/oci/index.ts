export * from './chain.ts';
export * from './choose.ts';
export * from './config.ts';
export * from './digest.ts';
export * from './imageConfig.ts';
export * from './manifest.ts';
export * from './platform.ts';
export * from './reference.ts';
