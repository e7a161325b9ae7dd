import { parseRfc3339 } from '../base/index.ts';
import type { ImageConfig } from './config.ts';
import {
  array,
  boolean,
  decodeDocument,
  digest,
  integer,
  literal,
  object,
  optional,
  parseJson,
  record,
  refuse,
  string,
} from './decode.ts';
import type { Decoder } from './decode.ts';

/** Largest image configuration that is read. */
export const imageConfigLimitBytes = 8 * 1024 * 1024;
const diffIdsMax = 1000;
const historyMax = 10_000;

const time: Decoder<string> = (value, at) => {
  const text = string(64)(value, at);
  return parseRfc3339(text) === undefined ? refuse(at, 'an RFC 3339 time') : text;
};

const text = optional(string());
const list = optional(array(string(1024 * 1024), 10_000));

/** A command; one string stands for a list of one, as Docker reads it. */
const command: typeof list = (value, at) => list(typeof value === 'string' ? [value] : value, at);

const nothing: Decoder<object> = () => ({});

const healthcheck = object({
  Test: list,
  Interval: optional(integer(0)),
  Timeout: optional(integer(0)),
  StartPeriod: optional(integer(0)),
  StartInterval: optional(integer(0)),
  Retries: optional(integer(0)),
});

const run = object({
  User: text,
  ExposedPorts: optional(record(nothing)),
  Env: list,
  Entrypoint: command,
  Cmd: command,
  Volumes: optional(record(nothing)),
  WorkingDir: text,
  Labels: optional(record(string(1024 * 1024))),
  StopSignal: text,
  ArgsEscaped: optional(boolean),
  Healthcheck: optional(healthcheck),
  OnBuild: list,
  Shell: list,
});

const history = object({
  created: optional(time),
  author: text,
  created_by: optional(string(1024 * 1024)),
  comment: text,
  empty_layer: optional(boolean),
});

const orEmpty =
  (otherwise: string): Decoder<string> =>
  (value, at) =>
    value === undefined || value === null || value === '' ? otherwise : string(128)(value, at);

const shape: Decoder<ImageConfig> = object({
  created: optional(time),
  author: text,
  architecture: orEmpty(''),
  os: orEmpty('linux'),
  variant: optional(string(128)),
  'os.version': optional(string(128)),
  config: optional(run),
  rootfs: object({ type: literal('layers'), diff_ids: array(digest, diffIdsMax) }),
  history: optional(array(history, historyMax)),
  comment: text,
  docker_version: text,
});

/**
 * The image configuration in `bytes` (OCI image spec, config.md, with Docker's additions). Fields of no meaning here are
 * dropped. Throws `invalid`: over 8 MiB, malformed, or a field of a wrong type.
 */
export function parseImageConfig(bytes: Uint8Array): ImageConfig {
  return decodeDocument(shape, parseJson(bytes, 'image configuration', imageConfigLimitBytes), 'image configuration');
}
