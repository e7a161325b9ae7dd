/** Wall-clock time with the resolution that logs, events and inspect show: nanoseconds since the epoch. */
export type Clock = () => bigint;

const epochOffsetNs = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();
const resyncNs = 1_000_000_000n;
let offsetNs = epochOffsetNs;
let lastSyncNs = 0n;
let lastNs = 0n;

/** The system's clock; within this process it never gives the same value twice, nor an earlier one. */
export const systemClock: Clock = () => {
  const monotonicNs = process.hrtime.bigint();
  if (monotonicNs - lastSyncNs > resyncNs) {
    // The wall clock may have been set meanwhile.
    const wallNs = BigInt(Date.now()) * 1_000_000n;
    const drift = wallNs - (monotonicNs + offsetNs);
    if (drift > 2_000_000n || drift < -2_000_000n) offsetNs = wallNs - monotonicNs;
    lastSyncNs = monotonicNs;
  }
  const nowNs = monotonicNs + offsetNs;
  lastNs = nowNs > lastNs ? nowNs : lastNs + 1n;
  return lastNs;
};

/** The longest time that setTimeout waits, some 24 days: a longer one counts as a millisecond. */
export const longestTimerMs = 2 ** 31 - 1;

/** The time that stands for "never" on the wire. */
export const zeroTime = '0001-01-01T00:00:00Z';

/** RFC 3339 in UTC with nanoseconds, trailing zeros cut as Go's RFC3339Nano does. */
export function formatTime(timeNs: bigint): string {
  const seconds = new Date(Number(timeNs / 1_000_000_000n) * 1000).toISOString().slice(0, 19);
  const fraction = String(timeNs % 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return fraction === '' ? `${seconds}Z` : `${seconds}.${fraction}Z`;
}
