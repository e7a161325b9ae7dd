import { GantryError } from '../base/index.ts';

import type { OciCapabilities } from './ociSpec.ts';
import type { HostSettings } from './specInput.ts';

/** Capabilities by bit number (linux/capability.h). */
export const capabilityNames: readonly string[] = `
  CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
  NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN
  SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE
  MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE`
  .trim()
  .split(/\s+/)
  .map((name) => `CAP_${name}`);

/** What a container holds unless told otherwise; the same as Docker's. */
export const defaultCapabilities: readonly string[] = `
  CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE`
  .trim()
  .split(/\s+/)
  .map((name) => `CAP_${name}`);

/** Names of the bits in a mask as /proc/PID/status writes it (`CapBnd`: hexadecimal digits). */
export function capabilitiesOf(mask: string): string[] {
  const bits = BigInt(`0x${mask.trim()}`);
  return capabilityNames.filter((_, bit) => (bits & (1n << BigInt(bit))) !== 0n);
}

/** `net_admin`, `CAP_NET_ADMIN` and `ALL` as one spelling; anything unknown is `invalid`, in Docker's words. */
function normalized(names: readonly string[], field: string): string[] {
  return names.map((name) => {
    const upper = name.toUpperCase();
    if (upper === 'ALL') return upper;
    const full = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
    if (!capabilityNames.includes(full)) {
      throw new GantryError('invalid', `invalid ${field}: unknown capability: "${full}"`);
    }
    return full;
  });
}

/**
 * The capabilities of a container's processes: Docker's default set with CapDrop and CapAdd applied, or all of them when it
 * is privileged. "All" means what the daemon itself may pass on (`bounding`); a default that it lacks is left out, one that
 * was asked for by name and that it lacks is `invalid`.
 */
export function effectiveCapabilities(settings: HostSettings, bounding: readonly string[]): string[] {
  const add = normalized(settings.CapAdd ?? [], 'CapAdd');
  const drop = normalized(settings.CapDrop ?? [], 'CapDrop');
  if (settings.Privileged === true) return [...bounding];
  const missing = add.find((name) => name !== 'ALL' && !bounding.includes(name));
  if (missing !== undefined) {
    throw new GantryError(
      'invalid',
      `invalid CapAdd: capability not supported by your kernel or not available in the current environment: "${missing}"`,
    );
  }
  const named = add.filter((name) => name !== 'ALL');
  if (drop.includes('ALL') && !add.includes('ALL')) return [...new Set(named)];
  const base = add.includes('ALL') ? bounding : defaultCapabilities.filter((name) => bounding.includes(name));
  return [...new Set([...base.filter((name) => !drop.includes(name)), ...(add.includes('ALL') ? [] : named)])];
}

/** The sets of a process that may hold `names`: only root starts with them, as after an execve(2) (capabilities(7)). */
export function processCapabilities(names: readonly string[], uid: number): OciCapabilities {
  return uid === 0 ? { bounding: names, effective: names, permitted: names } : { bounding: names };
}
