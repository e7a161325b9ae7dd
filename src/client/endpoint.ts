import { GantryError } from '../base/index.ts';

/** Where a daemon listens. */
export type Endpoint =
  | { readonly scheme: 'unix'; readonly path: string }
  | { readonly scheme: 'tcp'; readonly host: string; readonly port: number };

/** The socket that a client talks to when nobody says otherwise. */
export const defaultHost = 'unix:///run/gantry/gantry.sock';

const defaultPort = 2375;

function readTcp(text: string, address: string): Endpoint {
  const found = /^(\[[0-9a-fA-F:.%]+\]|[^:/?#[\]]*)(?::(\d{1,5}))?\/?$/.exec(address);
  const port = found?.[2] === undefined ? defaultPort : Number(found[2]);
  if (found === null || port > 65535) {
    throw new GantryError('invalid', `unable to parse the host ${JSON.stringify(text)}`, {
      hint: 'Write it as tcp://HOST:PORT.',
    });
  }
  const host = (found[1] ?? '').replace(/^\[|\]$/g, '');
  return { scheme: 'tcp', host: host === '' ? '127.0.0.1' : host, port };
}

/**
 * Reads a host as DOCKER_HOST and -H spell it: `unix:///path`, `tcp://host:port`, or a bare `host:port`. Throws `invalid`
 * for what is none, and `notImplemented` for a scheme that is not there yet.
 */
export function parseEndpoint(text: string): Endpoint {
  const [, scheme = 'tcp', address = ''] = /^(?:([a-zA-Z][a-zA-Z0-9+.-]*):\/\/)?(.*)$/s.exec(text) ?? [];
  switch (scheme) {
    case 'unix':
      if (address === '') throw new GantryError('invalid', `no socket path in ${JSON.stringify(text)}`);
      return { scheme: 'unix', path: address.startsWith('/') ? address : `/${address}` };
    case 'tcp':
    case 'http':
      return readTcp(text, address);
    case 'ssh':
    case 'https':
    case 'npipe':
    case 'fd':
      throw new GantryError('notImplemented', `hosts of the form ${scheme}:// are not supported yet: ${text}`, {
        hint: 'Use unix:///path/to/socket or tcp://HOST:PORT.',
      });
    default:
      throw new GantryError('invalid', `unable to parse the host ${JSON.stringify(text)}`, {
        hint: 'Use unix:///path/to/socket or tcp://HOST:PORT.',
      });
  }
}

/** The endpoint as users write it. */
export function showEndpoint(endpoint: Endpoint): string {
  if (endpoint.scheme === 'unix') return `unix://${endpoint.path}`;
  const host = endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host;
  return `tcp://${host}:${endpoint.port}`;
}
