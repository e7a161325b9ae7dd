import { GantryError } from '../base/index.ts';

/** A platform that content is for (OCI image spec, image-index.md, "platform"). */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly 'os.version'?: string;
  readonly 'os.features'?: readonly string[];
}

const component = /^[A-Za-z0-9_.-]+$/;
const systems: ReadonlySet<string> = new Set(['linux', 'windows', 'darwin', 'freebsd', 'openbsd', 'netbsd', 'solaris']);
const architectures: ReadonlySet<string> = new Set(
  '386 amd64 arm arm64 loong64 mips mips64 mips64le mipsle ppc64 ppc64le riscv64 s390x wasm'.split(' '),
);
const nodeArchitectures: Readonly<Record<string, string>> = {
  x64: 'amd64',
  ia32: '386',
  ppc64: 'ppc64le',
  mipsel: 'mipsle',
};
const armVersions = [8, 7, 6, 5];

/** Common spellings and default variants brought to one form: `x86_64` is `amd64`, `arm` is `arm/v7`, `arm64/v8` is `arm64`. */
export function normalizePlatform(platform: Platform): Platform {
  const [architecture, variant] = normalizeArchitecture(
    platform.architecture.toLowerCase(),
    (platform.variant ?? '').toLowerCase(),
  );
  const os = platform.os.toLowerCase();
  const { variant: _, ...rest } = platform;
  return { ...rest, os: os === 'macos' ? 'darwin' : os, architecture, ...(variant !== '' && { variant }) };
}

function normalizeArchitecture(architecture: string, variant: string): readonly [string, string] {
  switch (architecture) {
    case 'i386':
    case '386':
      return ['386', ''];
    case 'x86_64':
    case 'x86-64':
    case 'amd64':
      return ['amd64', variant === 'v1' ? '' : variant];
    case 'aarch64':
    case 'arm64':
      return ['arm64', ['8', 'v8', 'v8.0'].includes(variant) ? '' : variant];
    case 'armhf':
      return ['arm', 'v7'];
    case 'armel':
      return ['arm', 'v6'];
    case 'arm':
      return ['arm', variant === '' ? 'v7' : /^\d$/.test(variant) ? `v${variant}` : variant];
    default:
      return [architecture, variant];
  }
}

/** The ARM version that this Node was built for, as a variant. */
function armVersionOf(variables: object): string {
  const version: unknown = 'arm_version' in variables ? variables.arm_version : undefined;
  return typeof version === 'string' || typeof version === 'number' ? `v${version}` : '';
}

/** The platform of this machine. */
export function hostPlatform(architecture: string = process.arch): Platform {
  const variant = architecture === 'arm' ? armVersionOf(process.config.variables) : '';
  return normalizePlatform({
    os: 'linux',
    architecture: nodeArchitectures[architecture] ?? architecture,
    ...(variant !== '' && { variant }),
  });
}

/**
 * A platform as users write it: `linux/arm/v7`, `linux/arm64`, `linux` (this machine's architecture) or `arm64`.
 * Throws `invalid`.
 */
export function parsePlatform(text: string, host: Platform = hostPlatform()): Platform {
  const parts = text.split('/');
  for (const part of parts)
    if (!component.test(part)) throw invalidPlatform(text, `${JSON.stringify(part)} is no name`);
  const [first = '', architecture, variant] = parts;
  if (parts.length > 3) throw invalidPlatform(text, 'want os/architecture/variant');
  if (architecture !== undefined)
    return normalizePlatform({ os: first, architecture, ...(variant !== undefined && { variant }) });
  const os = normalizePlatform({ os: first, architecture: '' }).os;
  if (systems.has(os)) return { ...host, os };
  const alone = normalizePlatform({ os: host.os, architecture: first });
  if (architectures.has(alone.architecture)) return alone;
  throw invalidPlatform(text, 'unknown operating system or architecture');
}

function invalidPlatform(text: string, why: string): GantryError {
  return new GantryError('invalid', `invalid platform ${JSON.stringify(text)}: ${why}`);
}

/** `linux/arm/v7`. */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, variant].filter((part) => part !== undefined && part !== '').join('/');
}

/** What a machine of platform `wanted` can run, best first: arm64 goes on with arm/v8 to v5, amd64/v3 with v2, amd64, 386. */
function preferences(wanted: Platform): readonly string[] {
  const { os, architecture, variant } = normalizePlatform(wanted);
  const own = formatPlatform({ os, architecture, ...(variant !== undefined && { variant }) });
  const version = Number(variant?.slice(1) ?? '0');
  const arm = (newest: number): string[] =>
    armVersions.filter((each) => each <= newest).map((each) => `${os}/arm/v${each}`);
  switch (architecture) {
    case 'arm64':
      return variant === undefined ? [own, ...arm(8)] : [own, `${os}/arm64`, ...arm(8)];
    case 'arm':
      return [own, ...arm(version - 1)];
    case 'amd64': {
      const lower = [3, 2].filter((each) => each < version).map((each) => `${os}/amd64/v${each}`);
      return [own, ...lower, ...(variant === undefined ? [] : [`${os}/amd64`]), `${os}/386`];
    }
    default:
      return [own];
  }
}

/** How well `offered` suits a machine of platform `wanted`: 0 is best, undefined is not at all. */
export function rankPlatform(wanted: Platform, offered: Platform): number | undefined {
  const rank = preferences(wanted).indexOf(formatPlatform(normalizePlatform(offered)));
  return rank < 0 ? undefined : rank;
}

/** Whether content for `offered` runs on `wanted`. */
export function matchPlatform(wanted: Platform, offered: Platform): boolean {
  return rankPlatform(wanted, offered) !== undefined;
}
