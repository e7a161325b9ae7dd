import type { OciSeccomp, OciSyscallRule } from './ociSpec.ts';
import {
  allowedByArchitecture,
  allowedByCapability,
  allowedPersonalities,
  alwaysAllowed,
  namespaceCloneFlags,
  refusedAddressFamilies,
  seccompArchitectures,
} from './seccompTable.ts';

const errnoNotPermitted = 1;
const errnoNoSuchCall = 38;

const allow = (names: readonly string[]): OciSyscallRule => ({ names, action: 'SCMP_ACT_ALLOW' });

const allowWhen = (name: string, index: number, op: string, value: number, valueTwo?: number): OciSyscallRule => ({
  names: [name],
  action: 'SCMP_ACT_ALLOW',
  args: [{ index, value, ...(valueTwo === undefined ? {} : { valueTwo }), op }],
});

function socketRules(): OciSyscallRule[] {
  const { algorithm, nfc, vsock } = refusedAddressFamilies;
  return [
    allowWhen('socket', 0, 'SCMP_CMP_LT', algorithm),
    allowWhen('socket', 0, 'SCMP_CMP_EQ', nfc),
    allowWhen('socket', 0, 'SCMP_CMP_GT', vsock),
  ];
}

/** clone(2) without new namespaces, for containers that may not make any. */
function cloneRules(architecture: string): OciSyscallRule[] {
  const flagsIndex = architecture === 's390x' ? 1 : 0;
  return [
    allowWhen('clone', flagsIndex, 'SCMP_CMP_MASKED_EQ', namespaceCloneFlags, 0),
    { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: errnoNoSuchCall },
  ];
}

/**
 * The default filter for a container that holds `capabilities`, on `architecture` (Docker's name of it); undefined where
 * the architecture has none, and the container then runs unfiltered.
 */
export function defaultSeccomp(architecture: string, capabilities: readonly string[]): OciSeccomp | undefined {
  const architectures = seccompArchitectures[architecture];
  if (architectures === undefined) return undefined;
  const held = new Set(capabilities);
  const names = new Set([
    ...Object.values(alwaysAllowed).flat(),
    ...(allowedByArchitecture[architecture] ?? []),
    ...Object.entries(allowedByCapability).flatMap(([name, calls]) => (held.has(name) ? calls : [])),
  ]);
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: errnoNotPermitted,
    architectures,
    syscalls: [
      allow([...names]),
      ...socketRules(),
      ...allowedPersonalities.map((value) => allowWhen('personality', 0, 'SCMP_CMP_EQ', value)),
      ...(held.has('CAP_SYS_ADMIN') ? [] : cloneRules(architecture)),
    ],
  };
}
