import type { JournalEvent } from './journal.ts';

/** The events among the lines that an earlier daemon wrote; what is none is left out. */
export function parseEvents(lines: readonly string[]): JournalEvent[] {
  return lines.flatMap((line) => {
    const value = parseLine(line);
    return isEvent(value) ? [value] : [];
  });
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function isEvent(value: unknown): value is JournalEvent {
  if (typeof value !== 'object' || value === null) return false;
  const { Type, Action, Actor, time, timeNano } = value as Partial<Record<keyof JournalEvent, unknown>>;
  const areTexts = typeof Type === 'string' && typeof Action === 'string';
  return areTexts && Number.isSafeInteger(time) && typeof timeNano === 'number' && isActor(Actor);
}

function isActor(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { ID: id, Attributes: attributes } = value as { readonly ID?: unknown; readonly Attributes?: unknown };
  return typeof id === 'string' && typeof attributes === 'object' && attributes !== null;
}
