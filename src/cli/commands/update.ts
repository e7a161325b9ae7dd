import type { ContainerUpdateRequest } from '../../api/index.ts';
import { bytesFlag, integerFlag, textFlag, unsignedFlag, valueFlag, type ParsedFlags } from '../../base/index.ts';
import { updateContainer } from '../../client/index.ts';
import { atLeast, defineCommand, type Context } from '../command.ts';
import { parseCpus, parseSignedBytes } from '../containerValues.ts';
import { parseRestart } from '../restart.ts';
import { ExitError } from '../errors.ts';
import { failuresText } from '../targets.ts';
import { write } from '../world.ts';

const flags = {
  'blkio-weight': unsignedFlag('Block IO (relative weight), between 10 and 1000, or 0 to disable', 65535, {
    type: 'uint16',
    shownDefault: '0',
  }),
  'cpu-period': integerFlag('Limit CPU CFS (Completely Fair Scheduler) period'),
  'cpu-quota': integerFlag('Limit CPU CFS (Completely Fair Scheduler) quota'),
  'cpu-rt-period': integerFlag('Limit the CPU real-time period in microseconds'),
  'cpu-rt-runtime': integerFlag('Limit the CPU real-time runtime in microseconds'),
  'cpu-shares': integerFlag('CPU shares (relative weight)', { short: 'c' }),
  cpus: valueFlag('Number of CPUs', 'decimal', 0, parseCpus),
  'cpuset-cpus': textFlag('CPUs in which to allow execution (0-3, 0,1)'),
  'cpuset-mems': textFlag('MEMs in which to allow execution (0-3, 0,1)'),
  // Kernels since 5.4 have no such limit; the option stays for scripts that name it.
  'kernel-memory': bytesFlag('Kernel memory limit (deprecated)', { hidden: true }),
  memory: bytesFlag('Memory limit', { short: 'm' }),
  'memory-reservation': bytesFlag('Memory soft limit'),
  'memory-swap': valueFlag(
    'Swap limit equal to memory plus swap: -1 to enable unlimited swap',
    'bytes',
    0,
    parseSignedBytes,
  ),
  'pids-limit': integerFlag('Tune container pids limit (set -1 for unlimited)'),
  restart: textFlag('Restart policy to apply when a container exits'),
};

function requestOf({ values, changed }: ParsedFlags<typeof flags>): ContainerUpdateRequest {
  return {
    BlkioWeight: values['blkio-weight'],
    CpuPeriod: values['cpu-period'],
    CpuQuota: values['cpu-quota'],
    CpuRealtimePeriod: values['cpu-rt-period'],
    CpuRealtimeRuntime: values['cpu-rt-runtime'],
    CpuShares: values['cpu-shares'],
    NanoCpus: values.cpus,
    CpusetCpus: values['cpuset-cpus'],
    CpusetMems: values['cpuset-mems'],
    Memory: values.memory,
    MemoryReservation: values['memory-reservation'],
    MemorySwap: values['memory-swap'],
    ...(changed.has('pids-limit') ? { PidsLimit: values['pids-limit'] } : {}),
    ...(values.restart === '' ? {} : { RestartPolicy: parseRestart(values.restart) }),
  };
}

/** Updates one after the other; names and warnings on standard output, failures at the end. */
async function updateEach(
  { api, world }: Context,
  refs: readonly string[],
  request: ContainerUpdateRequest,
): Promise<number> {
  const warnings: string[] = [];
  const failures: unknown[] = [];
  for (const ref of refs) {
    try {
      const { Warnings: told } = await updateContainer(api, ref, request);
      warnings.push(...(told ?? []));
      await write(world.stdout, `${ref}\n`);
    } catch (error) {
      failures.push(error);
    }
  }
  if (warnings.length > 0) await write(world.stdout, `${warnings.join('\n')}\n`);
  if (failures.length > 0) throw new ExitError(1, failuresText(failures));
  return 0;
}

export const command = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  flags,
  count: atLeast(1),
  async run(context, input) {
    if (input.changed.size === 0) throw new ExitError(1, 'you must provide one or more flags when using this command');
    return await updateEach(context, input.positionals, requestOf(input));
  },
});
