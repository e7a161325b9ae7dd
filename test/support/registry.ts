/** Debian's docker-registry on a free loopback port, with a store of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { eventually } from './run.ts';

export interface Registry {
  /** `127.0.0.1:PORT`, as it stands in an image reference. */
  readonly host: string;
  readonly url: string;
  readonly pid: number;
  readonly directory: string;
  stop(): Promise<void>;
}

/** Starts one and waits until it answers. `detached` lets it live on after this process (the caller keeps its pid). */
export async function startRegistry(options: { directory?: string; detached?: boolean } = {}): Promise<Registry> {
  const directory = options.directory ?? mkdtempSync(path.join(tmpdir(), 'gantry-registry-'));
  const host = `127.0.0.1:${await freePort()}`;
  const config = path.join(directory, 'registry.json');
  writeFileSync(config, JSON.stringify(configuration(directory, host)));
  const log = openSync(path.join(directory, 'registry.log'), 'a');
  const child = spawn('docker-registry', ['serve', config], {
    stdio: ['ignore', log, log],
    detached: options.detached ?? false,
  });
  const exited = once(child, 'exit');
  if (options.detached) child.unref();
  await eventually('docker-registry answers', () => answers(`http://${host}/v2/`));
  return {
    host,
    url: `http://${host}`,
    pid: child.pid ?? -1,
    directory,
    async stop() {
      child.kill('SIGTERM');
      await exited;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

// JSON is YAML
function configuration(directory: string, host: string): unknown {
  return {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: path.join(directory, 'store') }, delete: { enabled: true } },
    http: { addr: host },
  };
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return address.port;
}
