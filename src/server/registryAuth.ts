import type { AuthConfig } from '../api/index.ts';

const longestHeaderBytes = 64 * 1024;
const fields = ['username', 'password', 'email', 'serveraddress', 'auth', 'identitytoken', 'registrytoken'] as const;

/**
 * Reads X-Registry-Auth, base64 (of either alphabet) of a JSON object. Pulling without credentials is no error, so what
 * cannot be read counts as none, as with Docker; so does `{}`, which clients send when they have none.
 */
export function readRegistryAuth(header: string | string[] | undefined): AuthConfig | undefined {
  if (typeof header !== 'string' || header.length > longestHeaderBytes) return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(header, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const lowered = new Map(Object.entries(parsed).map(([key, value]) => [key.toLowerCase(), value as unknown]));
  const auth: AuthConfig = {};
  for (const field of fields) {
    const value = lowered.get(field);
    if (typeof value === 'string' && value !== '') auth[field] = value;
  }
  return Object.keys(auth).length === 0 ? undefined : auth;
}
