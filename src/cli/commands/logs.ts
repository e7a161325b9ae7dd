import { switchFlag, textFlag } from '../../base/index.ts';
import { containerLogs, inspectContainer } from '../../client/index.ts';
import { defineCommand, exactly } from '../command.ts';
import { ExitError } from '../errors.ts';
import { copyOutput } from '../session.ts';
import { timestampQuery } from '../times.ts';
import { messageOf } from '../../base/index.ts';

function timeOf(flag: string, text: string, nowMs: number): string {
  try {
    return timestampQuery(text, nowMs);
  } catch (error) {
    throw new ExitError(1, `invalid value for ${JSON.stringify(flag)}: ${messageOf(error)}`, { cause: error });
  }
}

const example = '(e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)';

export const command = defineCommand({
  usage: '[OPTIONS] CONTAINER',
  flags: {
    details: switchFlag('Show extra details provided to logs'),
    follow: switchFlag('Follow log output', { short: 'f' }),
    since: textFlag(`Show logs since timestamp ${example}`),
    tail: textFlag('Number of lines to show from the end of the logs', { short: 'n', initial: 'all' }),
    timestamps: switchFlag('Show timestamps', { short: 't' }),
    until: textFlag(`Show logs before a timestamp ${example}`),
  },
  count: exactly(1),
  async run({ api, world }, { values, positionals: [ref = ''] }) {
    const { details, follow, tail, timestamps } = values;
    const { Id, Config: config } = await inspectContainer(api, ref);
    const since = timeOf('since', values.since, world.now());
    const until = timeOf('until', values.until, world.now());
    const source = await containerLogs(api, Id || ref, { details, follow, tail, timestamps, since, until });
    await copyOutput(world, source, config?.Tty === true);
    return 0;
  },
});
