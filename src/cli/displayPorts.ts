import type { ContainerSummary } from '../api/index.ts';

type Port = NonNullable<ContainerSummary['Ports']>[number];

interface Span {
  readonly address: string;
  readonly protocol: string;
  readonly published: boolean;
  first: number;
  last: number;
}

function compare(a: Port, b: Port): number {
  if (a.PrivatePort !== b.PrivatePort) return a.PrivatePort - b.PrivatePort;
  const addresses = (a.IP ?? '').localeCompare(b.IP ?? '');
  if (addresses !== 0) return addresses;
  if ((a.PublicPort ?? 0) !== (b.PublicPort ?? 0)) return (a.PublicPort ?? 0) - (b.PublicPort ?? 0);
  return a.Type.localeCompare(b.Type);
}

function spanText({ address, protocol, published, first, last }: Span): string {
  const range = first === last ? String(first) : `${first}-${last}`;
  return published ? `${hostText(address)}:${range}->${range}/${protocol}` : `${range}/${protocol}`;
}

function hostText(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

/**
 * Ports as listings show them: `0.0.0.0:8080->80/tcp, 443/tcp`. Neighbours that are published under their own number, or not
 * at all, are joined to ranges: `0.0.0.0:90-92->90-92/tcp`.
 */
export function displayPorts(ports: readonly Port[]): string {
  const spans = new Map<string, Span>();
  const shown: string[] = [];
  const mapped: string[] = [];
  const close = (key: string): void => {
    const span = spans.get(key);
    if (span !== undefined) shown.push(spanText(span));
    spans.delete(key);
  };
  for (const port of ports.toSorted(compare)) {
    const published = port.PublicPort !== undefined && port.PublicPort !== 0;
    if (published && port.PublicPort !== port.PrivatePort) {
      mapped.push(`${hostText(port.IP ?? '')}:${port.PublicPort}->${port.PrivatePort}/${port.Type}`);
      continue;
    }
    const address = published ? (port.IP ?? '') : '';
    const key = `${address}/${port.Type}/${published}`;
    const open = spans.get(key);
    if (open !== undefined && open.last + 1 === port.PrivatePort) {
      open.last = port.PrivatePort;
      continue;
    }
    close(key);
    spans.set(key, { address, protocol: port.Type, published, first: port.PrivatePort, last: port.PrivatePort });
  }
  for (const key of [...spans.keys()].sort()) close(key);
  return [...shown, ...mapped].join(', ');
}
