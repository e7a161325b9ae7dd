import { GantryError, hasEntry } from '../base/index.ts';
import type { HealthStatus } from './status.ts';

/** Filters as decoded from the query: key to the set of accepted values. */
export type FilterSet = ReadonlyMap<string, ReadonlySet<string>>;

export interface FilterablePort {
  /** Absent when the port is exposed but not published. */
  readonly publicPort: number | undefined;
  readonly privatePort: number;
  readonly protocol: string;
}

/** What the filters of `ps` and of prune look at in one container. */
export interface FilterableContainer {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly state: string;
  readonly health: HealthStatus;
  /** Undefined while it runs and when it has never run. */
  readonly exitCode: number | undefined;
  readonly imageId: string;
  readonly createdAtMs: number;
  readonly mounts: readonly { readonly name: string; readonly destination: string }[];
  readonly networks: readonly { readonly id: string; readonly name: string }[];
  readonly ports: readonly FilterablePort[];
}

/** What the filters need to know beyond the container itself. */
export interface FilterLookups {
  /** When the container that `ref` names was created; throws `notFound`. */
  createdAtMs(ref: string): number;
  /** Ids of the image that `ref` names and of those made from it; empty when there is none. */
  imagesFrom(ref: string): ReadonlySet<string>;
}

export interface ContainerMatcher {
  /** A filter on the state asks for containers that do not run, too. */
  readonly impliesAll: boolean;
  matches(container: FilterableContainer): boolean;
}

type Predicate = (container: FilterableContainer) => boolean;
type Compile = (values: readonly string[], lookups: FilterLookups) => Predicate;

const states: ReadonlySet<string> = new Set([
  'created',
  'running',
  'paused',
  'restarting',
  'removing',
  'exited',
  'dead',
]);
const healths: ReadonlySet<string> = new Set(['none', 'starting', 'healthy', 'unhealthy']);

function invalidFilter(key: string, value?: string): GantryError {
  return new GantryError('invalid', `invalid filter '${key}${value === undefined ? '' : `=${value}`}'`);
}

/** A hostile expression could keep the daemon busy: repeated groups and many repetitions only match literally. */
function isRisky(pattern: string): boolean {
  return pattern.length > 256 || /\)[*+{]/.test(pattern) || pattern.split(/[*+{]/).length > 4;
}

/** Docker takes these values as regular expressions; one that is not valid matches literally. */
function textMatcher(value: string): (text: string) => boolean {
  if (!isRisky(value)) {
    try {
      const pattern = new RegExp(value, 'u');
      return (text) => text === value || pattern.test(text);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  return (text) => text.includes(value);
}

function oneOf(key: string, values: readonly string[], known: ReadonlySet<string>): ReadonlySet<string> {
  for (const value of values) if (!known.has(value)) throw invalidFilter(key, value);
  return new Set(values);
}

function compileName(values: readonly string[]): Predicate {
  const matchers = values.map(textMatcher);
  return ({ name }) => matchers.some((matches) => matches(name) || matches(`/${name}`));
}

function compileId(values: readonly string[]): Predicate {
  const matchers = values.map(textMatcher);
  return ({ id }) => matchers.some((matches) => matches(id));
}

/** Every `key` or `key=value` must be there. */
function compileLabel(values: readonly string[]): Predicate {
  return ({ labels }) => values.every((value) => hasEntry(labels, value));
}

function compileExited(values: readonly string[]): Predicate {
  const codes = new Set(
    values.map((value) => {
      if (!/^[+-]?\d{1,10}$/.test(value)) throw invalidFilter('exited', value);
      return Number(value);
    }),
  );
  return ({ exitCode }) => exitCode !== undefined && codes.has(exitCode);
}

function compileBefore(values: readonly string[], lookups: FilterLookups): Predicate {
  const limits = values.map((ref) => lookups.createdAtMs(ref));
  return ({ createdAtMs }) => limits.every((limit) => createdAtMs < limit);
}

function compileSince(values: readonly string[], lookups: FilterLookups): Predicate {
  const limits = values.map((ref) => lookups.createdAtMs(ref));
  return ({ createdAtMs }) => limits.every((limit) => createdAtMs > limit);
}

function compileAncestor(values: readonly string[], lookups: FilterLookups): Predicate {
  const images = values.map((ref) => lookups.imagesFrom(ref));
  return ({ imageId }) => images.some((ids) => ids.has(imageId));
}

function compileVolume(values: readonly string[]): Predicate {
  const wanted = new Set(values);
  return ({ mounts }) => mounts.some(({ name, destination }) => wanted.has(name) || wanted.has(destination));
}

function compileNetwork(values: readonly string[]): Predicate {
  return ({ networks }) =>
    networks.some(({ id, name }) => values.some((value) => value === name || (value !== '' && id.startsWith(value))));
}

interface PortRange {
  readonly first: number;
  readonly last: number;
  readonly protocol: string;
}

function parsePortRange(key: string, value: string): PortRange {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/.exec(value);
  const first = Number(match?.[1] ?? Number.NaN);
  const last = Number(match?.[2] ?? first);
  if (!(first <= last && last <= 65_535)) throw invalidFilter(key, value);
  return { first, last, protocol: match?.[3] ?? 'tcp' };
}

function compilePorts(
  key: 'publish' | 'expose',
  values: readonly string[],
  portOf: (port: FilterablePort) => number | undefined,
): Predicate {
  const ranges = values.map((value) => parsePortRange(key, value));
  const inRange = (port: FilterablePort, range: PortRange): boolean => {
    const number = portOf(port);
    return number !== undefined && number >= range.first && number <= range.last && port.protocol === range.protocol;
  };
  return ({ ports }) => ports.some((port) => ranges.some((range) => inRange(port, range)));
}

/** Nothing here is a task of a swarm, so `is-task=true` matches nothing. */
function compileIsTask(values: readonly string[]): Predicate {
  const [value = ''] = values;
  const truth = /^(?:1|t|true)$/i.test(value);
  if (values.length !== 1 || (!truth && !/^(?:0|f|false)$/i.test(value))) {
    throw invalidFilter('is-task', `[${values.join(' ')}]`);
  }
  return () => !truth;
}

const compilers: Readonly<Record<string, Compile>> = {
  id: compileId,
  name: compileName,
  label: compileLabel,
  exited: compileExited,
  status: (values) => {
    const wanted = oneOf('status', values, states);
    return ({ state }) => wanted.has(state);
  },
  health: (values) => {
    const wanted = oneOf('health', values, healths);
    return ({ health }) => wanted.has(health);
  },
  ancestor: compileAncestor,
  before: compileBefore,
  since: compileSince,
  volume: compileVolume,
  network: compileNetwork,
  'is-task': compileIsTask,
  publish: (values) => compilePorts('publish', values, (port) => port.publicPort),
  expose: (values) => compilePorts('expose', values, (port) => port.privatePort),
};

/**
 * Compiles the filters of `ps`: a container must match every key, and of each key any value (every one of label, before and
 * since). Throws `invalid` for unknown keys and bad values, with Docker's texts, and what the lookups throw.
 */
export function compileContainerFilters(filters: FilterSet, lookups: FilterLookups): ContainerMatcher {
  const predicates: Predicate[] = [];
  for (const [key, values] of filters) {
    const compile = Object.hasOwn(compilers, key) ? compilers[key] : undefined;
    if (compile === undefined) throw invalidFilter(key);
    if (values.size > 0) predicates.push(compile([...values], lookups));
  }
  return {
    impliesAll: (filters.get('status')?.size ?? 0) > 0,
    matches: (container) => predicates.every((matches) => matches(container)),
  };
}
