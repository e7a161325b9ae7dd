import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

import { GantryError } from '../base/index.ts';
import type { Reference } from '../oci/index.ts';
import { answerFailure, codedError, errorLimitBytes, isTransientStatus, parseErrorBody } from './answers.ts';
import type { Challenge } from './challenge.ts';
import { parseChallenges } from './challenge.ts';
import type { Endpoint } from './endpoints.ts';
import { RequestFailure } from './failure.ts';
import type { HttpRequest, Transport } from './transport.ts';
import type { RegistryAuth } from './types.ts';

const tokenLimitBytes = 256 * 1024;
/** Lifetime of a token that does not say its own, and the least that is believed (distribution's token specification). */
const tokenLifetimeSeconds = 60;
/** A token is given up so long before it expires, for requests on their way. */
const tokenMarginMs = 5000;
/** More tokens than one daemon needs at a time; beyond it all are fetched anew. */
const grantsMax = 1000;
const clientId = 'gantry';

interface Grant {
  readonly header: string;
  readonly expiresAtMs: number;
}

/** Who asks for what, where. */
export interface AuthorizationContext {
  readonly endpoint: Endpoint;
  readonly reference: Reference;
  readonly auth: RegistryAuth | undefined;
  readonly signal: AbortSignal | undefined;
}

interface BasicCredentials {
  readonly username: string;
  readonly password: string;
}

function basicCredentials(auth: RegistryAuth | undefined): BasicCredentials | undefined {
  const { username = '', password = '' } = auth ?? {};
  if (username !== '') return { username, password };
  const decoded = Buffer.from(auth?.auth ?? '', 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  return colon <= 0 ? undefined : { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

function basicHeader({ username, password }: BasicCredentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** Answers registries' challenges: bearer tokens (distribution's token authentication) and basic credentials. */
export class Authorizer {
  readonly #grants = new Map<string, Grant>();
  readonly #transport: Transport;
  readonly #now: () => number;

  constructor(transport: Transport, now: () => number) {
    this.#transport = transport;
    this.#now = now;
  }

  /** The credentials take part as a hash only, so that a map's key is no secret. */
  #key({ endpoint, reference, auth }: AuthorizationContext): string {
    const fingerprint = createHash('sha256')
      .update(JSON.stringify([auth?.username, auth?.password, auth?.auth, auth?.identitytoken, auth?.registrytoken]))
      .digest('base64');
    return `${endpoint.base} ${reference.repository} ${fingerprint}`;
  }

  /** The Authorization header that worked before, unless it has expired. */
  known(context: AuthorizationContext): string | undefined {
    const key = this.#key(context);
    const grant = this.#grants.get(key);
    if (grant === undefined || grant.expiresAtMs > this.#now()) return grant?.header;
    this.#grants.delete(key);
    return undefined;
  }

  forget(context: AuthorizationContext): void {
    this.#grants.delete(this.#key(context));
  }

  /** The Authorization header that answers a 401; throws RequestFailure when there is none to give. */
  async answer(context: AuthorizationContext, response: IncomingMessage): Promise<string> {
    const challenges = parseChallenges(response.headers['www-authenticate'] ?? '');
    const grant = await this.#grantFor(context, challenges, new URL(context.endpoint.base));
    if (this.#grants.size >= grantsMax) this.#grants.clear();
    this.#grants.set(this.#key(context), grant);
    return grant.header;
  }

  async #grantFor(context: AuthorizationContext, challenges: readonly Challenge[], origin: URL): Promise<Grant> {
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer !== undefined) return this.#bearer(context, bearer);
    const credentials = basicCredentials(context.auth);
    if (challenges.every(({ scheme }) => scheme !== 'basic'))
      throw new RequestFailure(codedError('UNAUTHORIZED', '', context.reference));
    if (credentials === undefined)
      throw new RequestFailure(
        new GantryError('unauthorized', `Get "${origin.origin}/v2/": no basic auth credentials`, {
          hint: `Log in with 'docker login ${origin.host}'.`,
        }),
      );
    return { header: basicHeader(credentials), expiresAtMs: Number.POSITIVE_INFINITY };
  }

  async #bearer(context: AuthorizationContext, challenge: Challenge): Promise<Grant> {
    const ready = context.auth?.registrytoken ?? '';
    if (ready !== '') return { header: `Bearer ${ready}`, expiresAtMs: Number.POSITIVE_INFINITY };
    const request = tokenRequest(context, challenge);
    const response = await this.#transport.send(request);
    const status = response.statusCode ?? 0;
    const limitBytes = status === 200 ? tokenLimitBytes : errorLimitBytes;
    const body = await this.#transport.readAll(response, limitBytes, request.url, context.signal);
    if (status === 200) return this.#tokenOf(body, request.url);
    if (isTransientStatus(status)) throw answerFailure(response, body, context.reference, 'manifest', this.#now());
    throw refusedToken(context, body);
  }

  #tokenOf(body: Uint8Array, realm: URL): Grant {
    const document = parseToken(body);
    if (document === undefined)
      throw new RequestFailure(new GantryError('unavailable', `the token server ${realm.host} gave no usable token`));
    const lifetimeMs = Math.max(document.expiresInSeconds, tokenLifetimeSeconds) * 1000;
    return { header: `Bearer ${document.token}`, expiresAtMs: this.#now() + lifetimeMs - tokenMarginMs };
  }
}

function parseToken(body: Uint8Array): { readonly token: string; readonly expiresInSeconds: number } | undefined {
  try {
    const document: unknown = JSON.parse(Buffer.from(body).toString('utf8'));
    if (typeof document !== 'object' || document === null) return undefined;
    const { token, access_token, expires_in } = document as Readonly<Record<string, unknown>>;
    const text = typeof token === 'string' && token !== '' ? token : access_token;
    // What goes into a header must be visible ASCII.
    if (typeof text !== 'string' || !/^[\u0021-\u007e]+$/.test(text)) return undefined;
    const seconds = typeof expires_in === 'number' && Number.isFinite(expires_in) ? expires_in : 0;
    return { token: text, expiresInSeconds: Math.min(seconds, 86_400) };
  } catch {
    return undefined;
  }
}

function refusedToken({ auth, reference }: AuthorizationContext, body: Uint8Array): RequestFailure {
  const given = parseErrorBody(body);
  const withLogin = basicCredentials(auth) !== undefined || (auth?.identitytoken ?? '') !== '';
  if (withLogin && given?.code !== 'DENIED')
    return new RequestFailure(
      codedError(
        'UNAUTHORIZED',
        (given?.message ?? '') ? (given?.message ?? '') : 'incorrect username or password',
        reference,
      ),
    );
  return new RequestFailure(codedError('DENIED', given?.code === 'DENIED' ? given.message : '', reference));
}

function realmOf(context: AuthorizationContext, challenge: Challenge, hasSecret: boolean): URL {
  const realm = URL.parse(challenge.parameters['realm'] ?? '', context.endpoint.base);
  const host = new URL(context.endpoint.base).host;
  if (realm === null || (realm.protocol !== 'https:' && realm.protocol !== 'http:'))
    throw new RequestFailure(new GantryError('unavailable', `${host} names no usable token server`));
  if (
    hasSecret &&
    realm.protocol === 'http:' &&
    context.endpoint.base.startsWith('https:') &&
    !context.endpoint.insecure
  )
    throw new RequestFailure(
      new GantryError('unavailable', `${host} asks for credentials over plain http at ${realm.host}, which is refused`),
    );
  return realm;
}

/** A GET with basic credentials or none, or OAuth 2.0's refresh as a POST (distribution's token specification). */
function tokenRequest(context: AuthorizationContext, challenge: Challenge): HttpRequest {
  const credentials = basicCredentials(context.auth);
  const refreshToken = context.auth?.identitytoken ?? '';
  const url = realmOf(context, challenge, credentials !== undefined || refreshToken !== '');
  const scope = challenge.parameters['scope'] ?? `repository:${context.reference.repository}:pull`;
  const service = challenge.parameters['service'];
  const common = { url, insecure: context.endpoint.insecure, signal: context.signal };
  if (refreshToken !== '') {
    const form = new URLSearchParams({ grant_type: 'refresh_token', client_id: clientId, scope });
    if (service !== undefined) form.set('service', service);
    form.set('refresh_token', refreshToken);
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
    return { ...common, method: 'POST', headers, body: form.toString() };
  }
  if (service !== undefined) url.searchParams.set('service', service);
  for (const each of scope.split(' ')) if (each !== '') url.searchParams.append('scope', each);
  if (credentials === undefined) return common;
  url.searchParams.set('account', credentials.username);
  return { ...common, headers: { Authorization: basicHeader(credentials) } };
}
