/** What the kernel counts for the whole host and for a network namespace (proc(5)). */
import { readKernelText } from './kernelText.ts';

export interface HostCpu {
  /** Time of all CPUs together since the host started, idle time too. */
  readonly totalNs: number;
  readonly onlineCpus: number;
}

const nsPerTick = 10_000_000;
/** user, nice, system, idle, iowait, irq, softirq; steal and guest times are in none of Docker's sums. */
const countedFields = 7;

/** The times in the text of /proc/stat. */
export function parseHostCpu(text: string): HostCpu {
  const lines = text.split('\n');
  const [, ...ticks] = (lines.find((line) => line.startsWith('cpu ')) ?? '').trim().split(/\s+/);
  const totalTicks = ticks.slice(0, countedFields).reduce((sum, value) => sum + Number(value), 0);
  return {
    totalNs: totalTicks * nsPerTick,
    onlineCpus: lines.filter((line) => /^cpu\d/.test(line)).length,
  };
}

export function readHostCpu(): HostCpu {
  return parseHostCpu(readKernelText('/proc/stat') ?? '');
}

export interface InterfaceCounters {
  readonly rxBytes: number;
  readonly rxPackets: number;
  readonly rxErrors: number;
  readonly rxDropped: number;
  readonly txBytes: number;
  readonly txPackets: number;
  readonly txErrors: number;
  readonly txDropped: number;
}

/** Counters by interface in the text of a /proc/PID/net/dev. */
export function parseInterfaceCounters(text: string): Map<string, InterfaceCounters> {
  const counters = new Map<string, InterfaceCounters>();
  for (const line of text.split('\n')) {
    const colon = line.lastIndexOf(':');
    const [rxBytes, rxPackets, rxErrors, rxDropped, , , , , txBytes, txPackets, txErrors, txDropped] = line
      .slice(colon + 1)
      .trim()
      .split(/\s+/)
      .map(Number);
    // The two lines of titles have no colon.
    if (colon < 0 || rxBytes === undefined || txDropped === undefined) continue;
    counters.set(line.slice(0, colon).trim(), {
      rxBytes,
      rxPackets: rxPackets ?? 0,
      rxErrors: rxErrors ?? 0,
      rxDropped: rxDropped ?? 0,
      txBytes: txBytes ?? 0,
      txPackets: txPackets ?? 0,
      txErrors: txErrors ?? 0,
      txDropped,
    });
  }
  return counters;
}

/** Counters of the interfaces in the network namespace of process `pid`; empty when it has gone. */
export function readInterfaceCounters(pid: number): Map<string, InterfaceCounters> {
  return parseInterfaceCounters(readKernelText(`/proc/${pid}/net/dev`) ?? '');
}
