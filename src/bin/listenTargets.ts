import { mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';

import { GantryError } from '../base/index.ts';
import type { ListenTarget } from '../server/index.ts';

import type { DaemonOptions } from './daemonOptions.ts';

const defaultGroups = ['gantry', 'docker'];
const defaultTcpPort = 2375;

/** Where to listen, from --host: unix://PATH (or a bare path) and tcp://HOST:PORT. Throws `invalid` for anything else. */
export function listenTargets(options: Pick<DaemonOptions, 'hosts' | 'group'>): ListenTarget[] {
  return options.hosts.map((host) => {
    const [, scheme = 'unix', rest = ''] = /^(?:(\w+):\/\/)?(.*)$/.exec(host) ?? [];
    if (scheme === 'unix' && rest.startsWith('/')) return unixTarget(rest, options.group);
    if (scheme === 'tcp') return tcpTarget(host);
    if (scheme === 'fd') {
      throw new GantryError('notImplemented', `sockets from the service manager (${host}) are not available yet`, {
        hint: 'Use -H unix:///path or -H tcp://address:port.',
      });
    }
    throw new GantryError('invalid', `invalid bind address (${host}): want unix:///path or tcp://address:port`);
  });
}

function unixTarget(path: string, group: string | undefined): ListenTarget {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  const groupId = socketGroup(group);
  return { kind: 'unix', path, mode: 0o660, ...(groupId === undefined ? {} : { groupId }) };
}

function tcpTarget(host: string): ListenTarget {
  if (!URL.canParse(host)) throw new GantryError('invalid', `invalid bind address (${host}): want tcp://address:port`);
  const { hostname, port } = new URL(host);
  const bare = hostname.replace(/^\[(.*)\]$/, '$1');
  return { kind: 'tcp', host: bare === '' ? '127.0.0.1' : bare, port: port === '' ? defaultTcpPort : Number(port) };
}

/** The group that may use the socket: the one named, which must be there, else `gantry` or `docker` where there is one. */
function socketGroup(named: string | undefined): number | undefined {
  if (named !== undefined && /^\d+$/.test(named)) return Number(named);
  const groups = new Map(
    readFileSync('/etc/group', 'utf8')
      .split('\n')
      .map((line) => line.split(':'))
      .map(([name = '', , id = '']) => [name, Number(id)] as const),
  );
  if (named !== undefined && !groups.has(named)) throw new GantryError('invalid', `group ${named} not found`);
  const name = named ?? defaultGroups.find((candidate) => groups.has(candidate));
  return name === undefined ? undefined : groups.get(name);
}
