export { Api, newestApiVersion, type PingAnswer } from './api.ts';
export * from './containers.ts';
export { defaultHost, parseEndpoint, showEndpoint, type Endpoint } from './endpoint.ts';
export { DaemonError } from './errors.ts';
export type { RawStream } from './http.ts';
export * from './images.ts';
export * from './system.ts';
