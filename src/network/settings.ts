/** NetworkSettings of a container's inspect and list answers, as API 1.50 shapes them. Pure. */
import { createHash } from 'node:crypto';

import type { Sandbox } from './types.ts';

export type NetworkMode = 'bridge' | 'host' | 'none';

export interface PortBinding {
  readonly HostIp: string;
  readonly HostPort: string;
}

export type PortBindings = Readonly<Record<string, PortBinding[] | null>>;

export interface EndpointSettingsView {
  readonly IPAMConfig: null;
  readonly Links: null;
  readonly Aliases: null;
  readonly MacAddress: string;
  readonly DriverOpts: null;
  readonly GwPriority: number;
  readonly NetworkID: string;
  readonly EndpointID: string;
  readonly Gateway: string;
  readonly IPAddress: string;
  readonly IPPrefixLen: number;
  readonly IPv6Gateway: string;
  readonly GlobalIPv6Address: string;
  readonly GlobalIPv6PrefixLen: number;
  readonly DNSNames: null;
}

export interface NetworkSettingsView {
  readonly Bridge: string;
  readonly SandboxID: string;
  readonly SandboxKey: string;
  readonly Ports: PortBindings;
  readonly HairpinMode: boolean;
  readonly LinkLocalIPv6Address: string;
  readonly LinkLocalIPv6PrefixLen: number;
  readonly SecondaryIPAddresses: null;
  readonly SecondaryIPv6Addresses: null;
  readonly EndpointID: string;
  readonly Gateway: string;
  readonly GlobalIPv6Address: string;
  readonly GlobalIPv6PrefixLen: number;
  readonly IPAddress: string;
  readonly IPPrefixLen: number;
  readonly IPv6Gateway: string;
  readonly MacAddress: string;
  readonly Networks: Readonly<Record<string, EndpointSettingsView>>;
}

export interface NetworkSettingsOptions {
  readonly containerId: string;
  readonly mode: NetworkMode;
  /** What the container holds while it runs; undefined when it does not, and always with mode `host`. */
  readonly sandbox: Sandbox | undefined;
  readonly isRunning: boolean;
  /** Id of the mode's network; it shows once the container has been started. */
  readonly networkId: string;
  readonly hasStarted: boolean;
  /** Ports as they are bound now; shown while the container runs. */
  readonly ports?: PortBindings;
  /** The MAC address that the user asked for. */
  readonly macAddress?: string;
}

/** The view of one container, running or not. */
export function networkSettings(options: NetworkSettingsOptions): NetworkSettingsView {
  const endpoint = endpointView(options);
  // The fields beside Networks repeat the default bridge's endpoint, for old clients.
  const isBridge = options.mode === 'bridge';
  return {
    Bridge: '',
    SandboxID: sandboxId(options),
    SandboxKey: sandboxKey(options),
    Ports: options.isRunning ? (options.ports ?? {}) : {},
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: isBridge ? endpoint.EndpointID : '',
    Gateway: endpoint.Gateway,
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    IPAddress: endpoint.IPAddress,
    IPPrefixLen: endpoint.IPPrefixLen,
    IPv6Gateway: '',
    MacAddress: isBridge && options.sandbox !== undefined ? endpoint.MacAddress : '',
    Networks: { [options.mode]: endpoint },
  };
}

function sandboxId({ containerId, mode, sandbox, isRunning }: NetworkSettingsOptions): string {
  if (mode === 'host') return isRunning ? derivedId('sandbox', containerId) : '';
  return sandbox?.id ?? '';
}

function sandboxKey({ mode, sandbox, isRunning }: NetworkSettingsOptions): string {
  if (mode === 'host') return isRunning ? '/proc/1/ns/net' : '';
  return sandbox?.path ?? '';
}

function endpointView(options: NetworkSettingsOptions): EndpointSettingsView {
  const endpoint = options.isRunning ? options.sandbox?.endpoint : undefined;
  return {
    IPAMConfig: null,
    Links: null,
    Aliases: null,
    MacAddress: endpoint?.macAddress ?? options.macAddress ?? '',
    DriverOpts: null,
    GwPriority: 0,
    NetworkID: options.hasStarted || options.isRunning ? options.networkId : '',
    EndpointID: endpoint?.endpointId ?? plainEndpointId(options),
    Gateway: endpoint?.gateway ?? '',
    IPAddress: endpoint?.address ?? '',
    IPPrefixLen: endpoint?.prefixLength ?? 0,
    IPv6Gateway: '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    DNSNames: null,
  };
}

/** `host` and `none` have endpoints without an address; their ids follow from the container's. */
function plainEndpointId({ containerId, mode, isRunning }: NetworkSettingsOptions): string {
  return isRunning && mode !== 'bridge' ? derivedId('endpoint', containerId) : '';
}

const derivedId = (use: string, containerId: string): string =>
  createHash('sha256').update(`${use}:${containerId}`).digest('hex');
