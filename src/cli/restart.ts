import type { HostConfig } from '../api/index.ts';

type RestartPolicy = NonNullable<HostConfig['RestartPolicy']>;

/** A restart policy as typed: a name, or `on-failure:N`. Whether the name is one is the daemon's to judge. Throws an Error. */
export function parseRestart(text: string): RestartPolicy {
  const [name = '', ...rest] = text.split(':');
  const count = rest.length === 0 ? undefined : rest.join(':');
  if (count !== undefined && name === '') throw new Error('invalid restart policy format: policy cannot be blank');
  if (count !== undefined && !/^[+-]?\d+$/.test(count)) {
    throw new Error('invalid restart policy format: maximum retry count must be an integer');
  }
  return { Name: name as NonNullable<RestartPolicy['Name']>, MaximumRetryCount: Number(count ?? 0) };
}
