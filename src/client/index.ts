export { Api, newestApiVersion } from './api.ts';
export * from './archives.ts';
export * from './containers.ts';
export { DaemonError } from './errors.ts';
export { defaultHost, parseEndpoint } from './endpoint.ts';
export type { RawStream } from './http.ts';
export * from './images.ts';
export * from './system.ts';
