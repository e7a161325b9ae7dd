export type { EventFilters } from './filter.ts';
export * from './journal.ts';
