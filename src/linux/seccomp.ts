/** Seccomp filters compiled by libseccomp ahead of the container's start: the compilation takes as long as the start itself. */
import { closeSync, readFileSync } from 'node:fs';

import koffi from 'koffi';

import { checked, errnoError, libc } from './libc.ts';

/** A filter in the words of the OCI runtime spec (config-linux.md, "Seccomp"). */
export interface SeccompFilter {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures: readonly string[];
  readonly flags?: readonly string[];
  readonly syscalls: readonly {
    readonly names: readonly string[];
    readonly action: string;
    readonly errnoRet?: number;
    readonly args?: readonly {
      readonly index: number;
      readonly value: number;
      readonly valueTwo?: number;
      readonly op: string;
    }[];
  }[];
}

koffi.struct('gantry_scmp_arg_cmp', { index: 'unsigned int', op: 'int', value: 'uint64', valueTwo: 'uint64' });

const actions: Readonly<Record<string, number>> = {
  SCMP_ACT_KILL: 0,
  SCMP_ACT_KILL_THREAD: 0,
  SCMP_ACT_KILL_PROCESS: 0x8000_0000,
  SCMP_ACT_TRAP: 0x3_0000,
  SCMP_ACT_LOG: 0x7ffc_0000,
  SCMP_ACT_ALLOW: 0x7fff_0000,
};
const errnoAction = 0x5_0000;
const defaultErrno = 1;

const operators: Readonly<Record<string, number>> = {
  SCMP_CMP_NE: 1,
  SCMP_CMP_LT: 2,
  SCMP_CMP_LE: 3,
  SCMP_CMP_EQ: 4,
  SCMP_CMP_GE: 5,
  SCMP_CMP_GT: 6,
  SCMP_CMP_MASKED_EQ: 7,
};

const unknownCall = -1;
const alreadyThere = -17;
const optimizeAttribute = 8;
const binaryTree = 2;
const closeOnExec = 1;

function declare(library: ReturnType<typeof koffi.load>) {
  return {
    init: library.func('void *seccomp_init(uint32_t action)'),
    release: library.func('void seccomp_release(void *context)'),
    setAttribute: library.func('int seccomp_attr_set(void *context, int attribute, uint32_t value)'),
    resolveCall: library.func('int seccomp_syscall_resolve_name(const char *name)'),
    resolveArchitecture: library.func('uint32_t seccomp_arch_resolve_name(const char *name)'),
    addArchitecture: library.func('int seccomp_arch_add(void *context, uint32_t architecture)'),
    addRule: library.func(
      'int seccomp_rule_add_array(void *context, uint32_t action, int call, unsigned int count, const gantry_scmp_arg_cmp *args)',
    ),
    exportFilter: library.func('int seccomp_export_bpf(void *context, int fd)'),
  };
}

type Library = ReturnType<typeof declare>;

let library: Library | undefined;

/** libseccomp, which crun and runc are linked to as well; undefined where there is none. */
function openLibrary(): Library | undefined {
  try {
    library ??= declare(koffi.load('libseccomp.so.2'));
  } catch {
    return undefined;
  }
  return library;
}

const memfdCreate = libc.func('int memfd_create(const char *name, unsigned int flags)');

function actionOf(name: string, errno: number | undefined): number | undefined {
  return name === 'SCMP_ACT_ERRNO' ? errnoAction | (errno ?? defaultErrno) : actions[name];
}

/** Whether everything in the filter has a counterpart here; a filter with notifications or flags is left to the runtime. */
function isPlain(filter: SeccompFilter): boolean {
  const rules = filter.syscalls;
  return (
    (filter.flags ?? []).length === 0 &&
    actionOf(filter.defaultAction, 0) !== undefined &&
    rules.every(
      ({ action, args }) =>
        actionOf(action, 0) !== undefined && (args ?? []).every(({ op }) => operators[op] !== undefined),
    )
  );
}

function checkedResult(result: number, step: string): void {
  if (result < 0 && result !== alreadyThere) throw errnoError(-result, step);
}

function addRules({ addRule, resolveCall }: Library, context: unknown, filter: SeccompFilter): void {
  for (const { names, action, errnoRet, args = [] } of filter.syscalls) {
    const value = actionOf(action, errnoRet);
    const conditions = args.map(({ index, value, valueTwo = 0, op }) => ({
      index,
      op: operators[op],
      value,
      valueTwo,
    }));
    for (const name of names) {
      const call = resolveCall(name) as number;
      if (call === unknownCall) continue;
      const result = addRule(context, value, call, conditions.length, conditions.length === 0 ? null : conditions);
      checkedResult(result as number, `seccomp_rule_add ${name}`);
    }
  }
}

function addArchitectures(
  { addArchitecture, resolveArchitecture }: Library,
  context: unknown,
  names: readonly string[],
) {
  for (const name of names) {
    const architecture = resolveArchitecture(name.replace(/^SCMP_ARCH_/, '').toLowerCase()) as number;
    if (architecture !== 0) checkedResult(addArchitecture(context, architecture) as number, `seccomp_arch_add ${name}`);
  }
}

/**
 * The filter as the kernel takes it: an array of struct sock_filter. Takes some 15 ms for a full profile, so callers keep
 * the result. Undefined when libseccomp is not there or the filter needs what this does not cover; the OCI runtime then
 * compiles it itself. Throws when libseccomp refuses a rule.
 */
export function compileSeccomp(filter: SeccompFilter): Buffer | undefined {
  const opened = openLibrary();
  if (opened === undefined || !isPlain(filter)) return undefined;
  const context: unknown = opened.init(actionOf(filter.defaultAction, filter.defaultErrnoRet));
  if (context === null) return undefined;
  try {
    addArchitectures(opened, context, filter.architectures);
    opened.setAttribute(context, optimizeAttribute, binaryTree);
    addRules(opened, context, filter);
    return exported(opened, context);
  } finally {
    opened.release(context);
  }
}

function exported({ exportFilter }: Library, context: unknown): Buffer {
  const fd = checked(memfdCreate('seccomp', closeOnExec) as number, 'memfd_create');
  try {
    checkedResult(exportFilter(context, fd) as number, 'seccomp_export_bpf');
    return readFileSync(`/proc/self/fd/${fd}`);
  } finally {
    closeSync(fd);
  }
}
