export { createRegistryClient } from './client.ts';
export type {
  BlobOptions,
  BlobSink,
  RegistryAuth,
  RegistryClient,
  RegistryClientOptions,
  RegistryLimits,
  RequestOptions,
  ResolvedManifest,
} from './types.ts';
