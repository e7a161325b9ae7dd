/** What a daemon may have left on the machine, found by the names that only it uses. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { run } from './run.ts';

/** What tells one daemon's things from another's. */
export interface Footprint {
  readonly directory: string;
  readonly bridge: string;
  readonly cgroupParent: string;
}

/**
 * Mounts under its directory, processes that name its directory, its containers' cgroups, and its bridge with what is
 * attached to it and the rules that name it: a daemon that is stopped without containers takes all of it away.
 */
export async function traces(of: Footprint): Promise<string[]> {
  return [
    ...mountTraces(of).map((mount) => `mount ${mount}`),
    ...processTraces(of).map((process) => `process ${process}`),
    ...cgroupTraces(of).map((cgroup) => `cgroup ${cgroup}`),
    ...(await linkTraces(of)).map((link) => `link ${link}`),
    ...(await tableTraces(of)).map((table) => `nftables ${table.join(' ')}`),
    ...(await ruleTraces(of)).map((rule) => `iptables ${rule}`),
  ];
}

function mountTraces(of: Footprint): string[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return lines.map((line) => line.split(' ')[4] ?? '').filter((mount) => mount.startsWith(`${of.directory}/`));
}

function processTraces(of: Footprint): string[] {
  const found: string[] = [];
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    const command = commandOf(pid);
    if (command.includes(`${of.directory}/`)) found.push(`${pid} ${command.slice(0, 200)}`);
  }
  return found;
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return ''; // it has ended meanwhile
  }
}

/** Cgroups of containers, which lie below the daemon's own parent; the empty parent may stay. */
function cgroupTraces(of: Footprint): string[] {
  return cgroupParents(of).flatMap((parent) => subdirectories(parent).map((name) => path.join(parent, name)));
}

/** The daemon's parent of its containers' cgroups, in every hierarchy that has it. */
export function cgroupParents(of: Footprint): string[] {
  const hierarchies = ['', ...subdirectories('/sys/fs/cgroup')];
  return hierarchies
    .map((name) => path.join('/sys/fs/cgroup', name, of.cgroupParent))
    .filter((parent) => existsSync(parent));
}

function subdirectories(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [entry.name] : [],
    );
  } catch {
    return []; // no such directory is what we hope for
  }
}

/** The bridge and what is attached to it. */
export async function linkTraces(of: Footprint): Promise<string[]> {
  const { stdout } = await run('ip', ['-json', 'link', 'show']);
  const links = JSON.parse(stdout || '[]') as { ifname: string; master?: string }[];
  return links.filter((link) => link.ifname === of.bridge || link.master === of.bridge).map((link) => link.ifname);
}

/** nftables tables (family and name) that carry the bridge in their name. */
export async function tableTraces(of: Footprint): Promise<[string, string][]> {
  const { stdout } = await run('nft', ['list', 'tables']);
  const tables = [...stdout.matchAll(/^table (\S+) (\S+)$/gm)];
  return tables.flatMap(([, family = '', table = '']) => (table.includes(of.bridge) ? [[family, table]] : []));
}

/** Rules that name the bridge in the host's own chains, in iptables' words (`-A FORWARD ...`). */
export async function ruleTraces(of: Footprint): Promise<string[]> {
  const { stdout } = await run('iptables', ['-S']);
  return stdout.split('\n').filter((rule) => rule.startsWith('-A ') && rule.includes(of.bridge));
}
