import { GantryError } from '../base/index.ts';
import { isDigest } from './digest.ts';
import type { Digest } from './digest.ts';

/**
 * A checked, normalised image reference (grammar: distribution's reference format, as Docker uses it). The registry is
 * always named, and a one-word name of Docker Hub has its `library/`. Immutable.
 */
export interface Reference {
  /** Host, with a port where one was given: `docker.io`, `localhost:5000`, `[::1]:5000`. */
  readonly registry: string;
  /** Path in the registry: `library/alpine`. */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

/** A reference's name without tag and digest. */
export type RepositoryName = Pick<Reference, 'registry' | 'repository'>;

export const defaultRegistry = 'docker.io';
export const defaultTag = 'latest';
const legacyDefaultRegistry = 'index.docker.io';
const officialPrefix = 'library/';
const repositoryLengthMax = 255;
const textLengthMax = 4096;

const label = '[a-zA-Z0-9](?:-*[a-zA-Z0-9])*';
const host = String.raw`(?:${label}(?:\.${label})*|\[[a-fA-F0-9:]+\])`;
const component = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const tagForm = String.raw`\w[\w.-]{0,127}`;
const digestForm = '[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}';
const anchoredTag = new RegExp(`^${tagForm}$`);
const anchoredId = /^[0-9a-f]{64}$/;
const anchored = new RegExp(
  `^(?<registry>${host}(?::[0-9]+)?)/(?<repository>${component}(?:/${component})*)` +
    `(?::(?<tag>${tagForm}))?(?:@(?<digest>${digestForm}))?$`,
);

function invalid(text: string, hint?: string): GantryError {
  return new GantryError('invalid', text, { hint });
}

/** The first path element is a registry when it has a dot, a port or an upper-case letter, or is `localhost`. */
function splitRegistry(text: string): readonly [registry: string, rest: string] {
  const slash = text.indexOf('/');
  const first = text.slice(0, Math.max(slash, 0));
  const named = /[.:]/.test(first) || first === 'localhost' || first.toLowerCase() !== first;
  const registry = named && first !== legacyDefaultRegistry ? first : defaultRegistry;
  const rest = named ? text.slice(slash + 1) : text;
  return [registry, registry === defaultRegistry && !rest.includes('/') ? officialPrefix + rest : rest];
}

function checkedDigest(text: string): Digest {
  if (isDigest(text)) return text;
  const [algorithm, hex = ''] = text.split(':');
  if (algorithm !== 'sha256') throw invalid('unsupported digest algorithm', 'Use a sha256 digest.');
  throw invalid(hex.length === 64 ? 'invalid checksum digest format' : 'invalid checksum digest length');
}

/**
 * `text` as a reference, normalised: `alpine` becomes registry `docker.io` and repository `library/alpine`, without a tag
 * (see `withDefaultTag`). Throws `invalid` with Docker's texts.
 */
export function parseReference(text: string): Reference {
  if (text.length > textLengthMax) throw invalid('invalid reference format');
  if (anchoredId.test(text))
    throw invalid(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`);
  const [registry, rest] = splitRegistry(text);
  const name = rest.split(':', 1)[0] ?? '';
  if (name.toLowerCase() !== name)
    throw invalid(`invalid reference format: repository name (${name}) must be lowercase`);
  const groups = anchored.exec(`${registry}/${rest}`)?.groups;
  if (groups === undefined) throw invalid('invalid reference format');
  return checked(groups);
}

function checked(groups: Readonly<Record<string, string | undefined>>): Reference {
  const { registry = '', repository = '', tag, digest } = groups;
  if (repository.length > repositoryLengthMax)
    throw invalid(`repository name must not be more than ${repositoryLengthMax} characters`);
  return {
    registry,
    repository,
    ...(tag !== undefined && { tag }),
    ...(digest !== undefined && { digest: checkedDigest(digest) }),
  };
}

/** `reference`, with the tag `latest` when it has neither tag nor digest. */
export function withDefaultTag(reference: Reference): Reference {
  if (reference.tag !== undefined || reference.digest !== undefined) return reference;
  return { ...reference, tag: defaultTag };
}

/** `reference` under another tag; throws `invalid` (`invalid tag format`). */
export function withTag(reference: Reference, tag: string): Reference {
  if (!anchoredTag.test(tag)) throw invalid('invalid tag format');
  return { ...reference, tag };
}

/** `reference`'s name at a digest, its tag left out. */
export function withDigest(reference: RepositoryName, digest: Digest): Reference {
  return { registry: reference.registry, repository: reference.repository, digest };
}

/** What the API's `tag` parameter means: a digest where it is one, else a tag. */
export function withTagOrDigest(reference: Reference, text: string): Reference {
  return isDigest(text) ? withDigest(reference, text) : withTag(reference, text);
}

function suffix(reference: Reference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  return reference.digest === undefined ? tag : `${tag}@${reference.digest}`;
}

/** The name that users see, without tag and digest: `alpine`, `grafana/grafana`, `quay.io/prometheus/busybox`. */
export function familiarName({ registry, repository }: RepositoryName): string {
  if (registry !== defaultRegistry) return `${registry}/${repository}`;
  const short = repository.startsWith(officialPrefix) ? repository.slice(officialPrefix.length) : repository;
  return short.includes('/') ? repository : short;
}

/** The reference as users see it: `alpine:latest`. */
export function familiar(reference: Reference): string {
  return familiarName(reference) + suffix(reference);
}

/** The name in full, without tag and digest: `docker.io/library/alpine`. */
export function canonicalName({ registry, repository }: RepositoryName): string {
  return `${registry}/${repository}`;
}

/** The reference in full: `docker.io/library/alpine:latest`. Parsing it gives the same reference again. */
export function canonical(reference: Reference): string {
  return canonicalName(reference) + suffix(reference);
}
