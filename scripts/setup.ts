/**
 * Installs what the tests, the demo and the benchmarks need on this machine and is missing: Debian packages, a cgroup
 * hierarchy that crun insists on, the built programs. Says what it does, and nothing when there is nothing to do.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const repository = path.resolve(import.meta.dirname, '..');

/** Debian package by a file of it; a package is installed when its file is in none of the places. */
const packages: Readonly<Record<string, readonly string[]>> = {
  crun: ['/usr/bin/crun'],
  runc: ['/usr/sbin/runc', '/usr/bin/runc'],
  iproute2: ['/usr/sbin/ip', '/sbin/ip', '/bin/ip'],
  nftables: ['/usr/sbin/nft'],
  iptables: ['/usr/sbin/iptables'],
  openssl: ['/usr/bin/openssl'],
  procps: ['/usr/bin/ps', '/bin/ps'],
  tini: ['/usr/bin/tini'],
  'busybox-static': ['/usr/share/doc/busybox-static'],
  'docker-registry': ['/usr/bin/docker-registry'],
  'redis-server': ['/usr/bin/redis-server'],
  'redis-tools': ['/usr/bin/redis-cli'],
};

installPackages();
mountHugetlb();
build();

function say(text: string): void {
  process.stderr.write(`setup: ${text}\n`);
}

function installPackages(): void {
  const missing = Object.keys(packages).filter((name) => !packages[name]?.some((file) => existsSync(file)));
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0) throw new Error(`these Debian packages are missing, run as root: ${missing.join(' ')}`);
  say(`installing the Debian packages ${missing.join(' ')}`);
  const restore = forbidServices();
  try {
    if (!aptInstall(missing)) {
      apt(['update', '-q'], 'inherit');
      if (!aptInstall(missing)) throw new Error(`apt-get could not install ${missing.join(' ')}`);
    }
  } finally {
    restore();
  }
}

function aptInstall(names: readonly string[]): boolean {
  return apt(['install', '-y', '-q', '--no-install-recommends', ...names], 'ignore');
}

/** apt's own chatter goes to stderr, where a log keeps it without mixing with results. */
function apt(args: readonly string[], errors: 'inherit' | 'ignore'): boolean {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync('apt-get', args, { stdio: ['ignore', 'ignore', errors], env }).status === 0;
}

/** A registry and a redis that nobody asked for must not start with their packages (Debian's invoke-rc.d policy). */
function forbidServices(): () => void {
  const policy = '/usr/sbin/policy-rc.d';
  if (existsSync(policy)) return () => {};
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  return () => rmSync(policy);
}

/**
 * Where v1 controllers stand beside a v2 hierarchy that has only hugetlb, crun refuses to run anything. Taking hugetlb
 * into a v1 hierarchy of its own cures that; nothing else on such a machine uses it.
 */
function mountHugetlb(): void {
  const controllers = '/sys/fs/cgroup/unified/cgroup.controllers';
  if (!existsSync(controllers) || readFileSync(controllers, 'utf8').trim() !== 'hugetlb') return;
  const target = '/sys/fs/cgroup/hugetlb';
  say(`mounting the hugetlb controller on ${target}, without which crun runs nothing here`);
  execFileSync('mkdir', ['-p', target]);
  execFileSync('mount', ['-t', 'cgroup', '-o', 'hugetlb', 'hugetlb', target]);
}

function build(): void {
  const { scripts } = JSON.parse(readFileSync(path.join(repository, 'package.json'), 'utf8')) as {
    scripts?: Record<string, string>;
  };
  if (scripts?.['build'] === undefined) return;
  const result = spawnSync('npm', ['run', '--silent', 'build'], { cwd: repository, encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`npm run build failed:\n${result.stdout}${result.stderr}`);
}
