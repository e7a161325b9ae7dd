import { hasEntry, isKind } from '../base/index.ts';
import { familiarName, parseReference } from '../oci/index.ts';
import type { JournalEvent } from './journal.ts';

/** Filters as decoded from the query: key to the set of accepted values. */
export type EventFilters = ReadonlyMap<string, ReadonlySet<string>>;

type Matches = (event: JournalEvent, values: ReadonlySet<string>) => boolean;

function attributeOf(event: JournalEvent, key: string): string | undefined {
  const { Attributes: attributes } = event.Actor;
  return Object.hasOwn(attributes, key) ? attributes[key] : undefined;
}

/** By the beginning of the id or the name of what the event is about; as with Docker, of whatever type that is. */
function matchesActor(event: JournalEvent, values: ReadonlySet<string>): boolean {
  const name = attributeOf(event, 'name') ?? '';
  return [...values].some((value) => event.Actor.ID.startsWith(value) || name.startsWith(value));
}

/** Actions with details behind a colon. Where one of them is asked for, Docker matches beginnings only. */
const detailed = ['health_status', 'exec_create', 'exec_start'];

function matchesAction(event: JournalEvent, values: ReadonlySet<string>): boolean {
  if (!detailed.some((action) => values.has(action))) return values.has(event.Action);
  return [...values].some((value) => event.Action.startsWith(value));
}

/** The name without tag, digest and what every name of Docker Hub begins with; what is no name stays as it is. */
function repositoryOf(name: string): string {
  try {
    return familiarName(parseReference(name));
  } catch (error) {
    if (isKind(error, 'invalid')) return name;
    throw error;
  }
}

/** Events about an image, and about containers made from it. */
function matchesImage(event: JournalEvent, values: ReadonlySet<string>): boolean {
  const name = attributeOf(event, event.Type === 'image' ? 'name' : 'image') ?? '';
  return [event.Actor.ID, name].some((one) => one !== '' && (values.has(one) || values.has(repositoryOf(one))));
}

/** Every label, with its value where one is given. */
function matchesLabels(event: JournalEvent, values: ReadonlySet<string>): boolean {
  return [...values].every((value) => hasEntry(event.Actor.Attributes, value));
}

const matchers: Readonly<Record<string, Matches>> = {
  type: (event, values) => values.has(event.Type),
  event: matchesAction,
  scope: (event, values) => values.has(event.scope),
  image: matchesImage,
  label: matchesLabels,
  ...Object.fromEntries(
    ['container', 'daemon', 'network', 'volume', 'plugin', 'node', 'service', 'secret', 'config'].map((key) => [
      key,
      matchesActor,
    ]),
  ),
};

/** Whether an event is wanted: it must match every key. Keys that are not known choose nothing, as with Docker. */
export function compileEventFilters(filters: EventFilters): (event: JournalEvent) => boolean {
  const checks = [...filters].flatMap(([key, values]) => {
    const matches = Object.hasOwn(matchers, key) ? matchers[key] : undefined;
    return matches === undefined || values.size === 0 ? [] : [(event: JournalEvent) => matches(event, values)];
  });
  return (event) => checks.every((check) => check(event));
}
