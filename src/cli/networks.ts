/** The value of --network: a name, or comma-separated `key=value` fields. */
import { cut } from './containerValues.ts';
import { splitFields } from './fields.ts';

export interface NetworkAttachment {
  readonly target: string;
  readonly aliases: readonly string[];
  readonly driverOptions: Readonly<Record<string, string>>;
  readonly ipv4: string;
  readonly ipv6: string;
  readonly macAddress: string;
  readonly linkLocalAddresses: readonly string[];
  readonly gatewayPriority: number;
}

type Draft = { -readonly [K in keyof NetworkAttachment]: NetworkAttachment[K] };

export function plainNetwork(target: string): NetworkAttachment {
  return {
    target,
    aliases: [],
    driverOptions: {},
    ipv4: '',
    ipv6: '',
    macAddress: '',
    linkLocalAddresses: [],
    gatewayPriority: 0,
  };
}

function take(draft: Draft, key: string, value: string, field: string): void {
  switch (key) {
    case 'name':
      draft.target = value;
      break;
    case 'alias':
      draft.aliases = [...draft.aliases, value];
      break;
    case 'ip':
      draft.ipv4 = value;
      break;
    case 'ip6':
      draft.ipv6 = value;
      break;
    case 'mac-address':
      draft.macAddress = value;
      break;
    case 'link-local-ip':
      draft.linkLocalAddresses = [...draft.linkLocalAddresses, value];
      break;
    case 'driver-opt': {
      const [name, own] = cut(value, '=');
      if (own === undefined) throw new Error('invalid key value pair format in driver options');
      draft.driverOptions = { ...draft.driverOptions, [name]: own };
      break;
    }
    case 'gw-priority':
      if (!/^-?\d+$/.test(value))
        throw new Error(`invalid gw-priority: strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`);
      draft.gatewayPriority = Number(value);
      break;
    default:
      throw new Error(`invalid field key ${field}`);
  }
}

/** Reads one --network. Throws an Error that says which field is wrong. */
export function parseNetwork(text: string): NetworkAttachment {
  if (!text.includes('=')) return plainNetwork(text);
  const draft: Draft = { ...plainNetwork('') };
  for (const field of splitFields(text)) {
    const [key, value] = cut(field, '=');
    if (value === undefined || key === '') throw new Error(`invalid field ${field}`);
    take(draft, key.trim().toLowerCase(), value.trim(), field);
  }
  if (draft.target === '') throw new Error('network name/id is not specified');
  return draft;
}
