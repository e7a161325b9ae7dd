import { setTimeout as delay } from 'node:timers/promises';

import type { EventMessage } from '../../api/index.ts';
import { isKind, switchFlag, textFlag } from '../../base/index.ts';
import { listContainers, watchEvents } from '../../client/index.ts';
import { atLeast, defineCommand, type Context } from '../command.ts';
import { ExitError } from '../errors.ts';
import { formatRows } from '../format/index.ts';
import { listFormatUsage, shortId } from '../listing.ts';
import { StatsBoard } from '../stats/statsBoard.ts';
import { defaultStatsTable, statsHeaders, statsRow } from '../stats/statsRow.ts';
import { failuresText } from '../targets.ts';
import { write } from '../world.ts';

const redrawMs = 500;

/** Terminal control (ECMA-48): the cursor to the upper left, erase to the end of the line, erase what is below. */
const home = '\u001B[H';
const eraseLine = '\u001B[K';
const eraseBelow = '\u001B[J';

/** The containers that there are now, the newest first. */
async function addExisting({ api }: Context, board: StatsBoard, all: boolean): Promise<void> {
  const containers = await listContainers(api, { all, limit: 0, size: false, filters: new Map() });
  for (const { Id = '' } of containers) board.add(shortId(Id));
}

/** Takes in containers that come and leaves those out that go, until the daemon is gone. */
async function followEvents(events: AsyncIterable<EventMessage>, board: StatsBoard, all: boolean): Promise<void> {
  for await (const { Action: action = '', Actor: actor } of events) {
    const id = shortId(actor?.ID ?? '');
    if (action === 'destroy' || (action === 'die' && !all)) board.remove(id);
    else if (action === 'start' || (action === 'create' && all)) board.add(id);
  }
}

const containerEvents = new Map([
  ['type', new Set(['container'])],
  ['event', new Set(['create', 'start', 'die', 'destroy'])],
]);

/** Draws until `ended` settles. */
async function draw({ world }: Context, text: () => string, ended: Promise<void>): Promise<void> {
  const over = ended.then(() => true);
  // The race below hears of a failure; while a drawing is under way nobody does.
  over.catch(() => {});
  do {
    const lines = text()
      .split('\n')
      .map((line) => `${line}${eraseLine}`);
    await write(world.stdout, `${home}${lines.join('\n')}${eraseBelow}`);
  } while (!(await Promise.race([over, delay(redrawMs, false)])));
}

/** The daemon that stops cuts its streams short: that is an end like another. */
async function untilCut(stream: Promise<void>): Promise<void> {
  try {
    await stream;
  } catch (error) {
    if (!isKind(error, 'unavailable')) throw error;
  }
}

function refuseFailures(board: StatsBoard): void {
  if (board.failures.length > 0) throw new ExitError(1, failuresText(board.failures));
}

export const command = defineCommand({
  usage: '[OPTIONS] [CONTAINER...]',
  flags: {
    all: switchFlag('Show all containers (default shows just running)', { short: 'a' }),
    format: textFlag(listFormatUsage),
    'no-stream': switchFlag('Disable streaming stats and only pull the first result'),
    'no-trunc': switchFlag('Do not truncate output'),
  },
  count: atLeast(0),
  async run(context, { values: { all, format, 'no-stream': once, 'no-trunc': full }, positionals }) {
    const board = new StatsBoard(context.api, { stream: !once });
    const template = format === '' || format === 'table' ? defaultStatsTable : format;
    const text = (): string =>
      formatRows(
        template,
        board.entries.map((entry) => statsRow(entry, !full)),
        statsHeaders,
      );
    const isNamed = positionals.length > 0;
    // Asked for before the list: what comes in between is in one of the two.
    const events =
      isNamed || once ? undefined : await watchEvents(context.api, { since: '', until: '', filters: containerEvents });
    if (isNamed) for (const ref of positionals) board.add(ref);
    else await addExisting(context, board, all);
    await board.settled();
    if (isNamed) refuseFailures(board);
    if (once) {
      await write(context.world.stdout, text());
      return 0;
    }
    const ended = events === undefined ? new Promise<void>(() => {}) : untilCut(followEvents(events, board, all));
    await draw(context, text, ended);
    return 0;
  },
});
