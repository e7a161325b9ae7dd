export type * from './backends.ts';
export { type ApiServer, createServer, type ServerOptions } from './createServer.ts';
export type { ListenTarget } from './listen.ts';
export type { ServerInfo } from './respond.ts';
