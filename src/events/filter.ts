import { GantryError, hasEntry } from '../base/index.ts';
import type { JournalEvent } from './journal.ts';

/** Filters as decoded from the query: key to the set of accepted values. */
export type EventFilters = ReadonlyMap<string, ReadonlySet<string>>;

type Matches = (event: JournalEvent, values: ReadonlySet<string>) => boolean;

function attributeOf(event: JournalEvent, key: string): string | undefined {
  const { Attributes: attributes } = event.Actor;
  return Object.hasOwn(attributes, key) ? attributes[key] : undefined;
}

/** Events of one type, by the beginning of the id or the name of what they are about. */
function actorOf(type: string): Matches {
  return (event, values) => {
    if (event.Type !== type) return false;
    const name = attributeOf(event, 'name') ?? '';
    return [...values].some((value) => event.Actor.ID.startsWith(value) || name.startsWith(value));
  };
}

/** `exec_create` also means `exec_create: sh -c date`, and `health_status` all of its values. */
function matchesAction(event: JournalEvent, values: ReadonlySet<string>): boolean {
  return values.has(event.Action) || values.has(event.Action.split(':', 1)[0] ?? '');
}

function withoutTag(name: string): string {
  const colon = name.indexOf(':', name.lastIndexOf('/') + 1);
  return colon < 0 ? name : name.slice(0, colon);
}

/** Events about an image, and about containers made from it. */
function matchesImage(event: JournalEvent, values: ReadonlySet<string>): boolean {
  const name = attributeOf(event, event.Type === 'image' ? 'name' : 'image') ?? '';
  return [event.Actor.ID, name].some((one) => one !== '' && (values.has(one) || values.has(withoutTag(one))));
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
    ['container', 'daemon', 'network', 'volume', 'plugin', 'node', 'service', 'secret', 'config', 'builder'].map(
      (type) => [type, actorOf(type)],
    ),
  ),
};

/** Whether an event is wanted: it must match every key. Throws `invalid` for an unknown key. */
export function compileEventFilters(filters: EventFilters): (event: JournalEvent) => boolean {
  const checks = [...filters].flatMap(([key, values]) => {
    const matches = Object.hasOwn(matchers, key) ? matchers[key] : undefined;
    if (matches === undefined) throw new GantryError('invalid', `invalid filter '${key}'`);
    return values.size === 0 ? [] : [(event: JournalEvent) => matches(event, values)];
  });
  return (event) => checks.every((check) => check(event));
}
