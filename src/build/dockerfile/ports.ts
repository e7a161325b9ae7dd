import { GantryError } from '../../base/index.ts';

const protocols = new Set(['tcp', 'udp', 'sctp']);

/** The container's ports that an EXPOSE argument (`80`, `80-82/udp`, `8080:80`) names, as `PORT/PROTOCOL`. Throws `invalid`. */
export function exposedPorts(text: string): string[] {
  const [address = '', protocol = ''] = text.split(/\/(.*)/s);
  const range = address.slice(address.lastIndexOf(':') + 1);
  const [, first, last] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(range) ?? [];
  const [from, to] = [Number(first), Number(last ?? first)];
  if (first === undefined || to > 65_535 || to < from)
    throw new GantryError('invalid', `invalid containerPort: ${range}`);
  const lower = protocol === '' ? 'tcp' : protocol.toLowerCase();
  if (!protocols.has(lower)) throw new GantryError('invalid', `invalid proto: ${protocol}`);
  return Array.from({ length: to - from + 1 }, (_, index) => `${from + index}/${lower}`);
}
