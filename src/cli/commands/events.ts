import type { EventMessage } from '../../api/index.ts';
import { formatFixedNano, messageOf, textFlag } from '../../base/index.ts';
import { watchEvents } from '../../client/index.ts';
import { defineCommand, none } from '../command.ts';
import { ExitError } from '../errors.ts';
import { filterFlag } from '../filterFlag.ts';
import { GoStruct, Template, toJson } from '../format/index.ts';
import { objectFormatUsage } from '../listing.ts';
import { timestampQuery } from '../times.ts';
import { write } from '../world.ts';

function attributesText(event: EventMessage): string {
  const pairs = Object.entries(event.Actor?.Attributes ?? {}).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? '' : ` (${pairs.sort().join(', ')})`;
}

function lineOf(event: EventMessage): string {
  const timeNs = BigInt(event.timeNano ?? 0) || BigInt(event.time ?? 0) * 1_000_000_000n;
  const { Type: type = '', Action: action = '', Actor: actor } = event;
  return `${formatFixedNano(timeNs)} ${type} ${action} ${actor?.ID ?? ''}${attributesText(event)}`;
}

/** The event under the names that templates use; as JSON it keeps the wire's. */
function structOf(event: EventMessage): GoStruct {
  const { status, id, from } = event as { status?: string; id?: string; from?: string };
  const members = {
    Status: status ?? '',
    ID: id ?? '',
    From: from ?? '',
    Type: event.Type ?? '',
    Action: event.Action ?? '',
    Actor: new GoStruct('events.Actor', {
      ID: event.Actor?.ID ?? '',
      Attributes: new Map(Object.entries(event.Actor?.Attributes ?? {})),
    }),
    Scope: event.scope ?? '',
    Time: event.time ?? 0,
    TimeNano: event.timeNano ?? 0,
  };
  return new GoStruct('*events.Message', members, { wire: event });
}

/** Tried out on an event without anything in it, so that what can be wrong with it is told at once. */
function parseTemplate(format: string): Template {
  try {
    const template = new Template(format);
    template.execute(structOf({}));
    return template;
  } catch (error) {
    throw new ExitError(64, `Error parsing format: ${messageOf(error)}`, { cause: error });
  }
}

function formatter(format: string): (event: EventMessage) => string {
  if (format === '') return lineOf;
  if (format === 'json') return (event) => toJson(event);
  const template = parseTemplate(format);
  return (event) => template.execute(structOf(event));
}

export const command = defineCommand({
  usage: '[OPTIONS]',
  flags: {
    filter: filterFlag('Filter output based on conditions provided', { short: 'f' }),
    format: textFlag(objectFormatUsage),
    since: textFlag('Show all events created since timestamp'),
    until: textFlag('Stream events until this timestamp'),
  },
  count: none,
  async run({ api, world }, { values }) {
    const show = formatter(values.format);
    const since = timestampQuery(values.since, world.now());
    const until = timestampQuery(values.until, world.now());
    for await (const event of await watchEvents(api, { since, until, filters: values.filter })) {
      await write(world.stdout, `${show(event)}\n`);
    }
    return 0;
  },
});
