import type { ImageHistoryItem } from '../../api/index.ts';
import { humanSize, switchFlag, textFlag } from '../../base/index.ts';
import { imageHistory } from '../../client/index.ts';
import { defineCommand, exactly } from '../command.ts';
import { GoStruct } from '../format/index.ts';
import { ellipsis, listFormatUsage, printListing, shortId } from '../listing.ts';
import { platformQuery } from '../platformQuery.ts';
import { ago, isoTime } from '../times.ts';

const headers = {
  ID: 'IMAGE',
  CreatedSince: 'CREATED',
  CreatedAt: 'CREATED AT',
  CreatedBy: 'CREATED BY',
  Size: 'SIZE',
  Comment: 'COMMENT',
};

interface View {
  readonly truncate: boolean;
  readonly human: boolean;
  readonly nowMs: number;
}

function rowOf(item: ImageHistoryItem, { truncate, human, nowMs }: View): GoStruct {
  const by = item.CreatedBy.replaceAll('\t', ' ');
  return new GoStruct(
    '*history.historyContext',
    {
      ID: truncate ? shortId(item.Id) : item.Id,
      CreatedSince: () => (item.Created <= 0 ? '' : ago(item.Created, nowMs)),
      CreatedAt: () => (item.Created <= 0 ? '' : isoTime(item.Created)),
      CreatedBy: truncate ? ellipsis(by, 45) : by,
      Size: human ? humanSize(item.Size, 3) : String(item.Size),
      Comment: item.Comment,
    },
    { isRow: true },
  );
}

export const command = defineCommand({
  usage: '[OPTIONS] IMAGE',
  flags: {
    format: textFlag(listFormatUsage),
    human: switchFlag('Print sizes and dates in human readable format', { short: 'H', initial: true }),
    'no-trunc': switchFlag("Don't truncate output"),
    platform: textFlag('Show history for the given platform. Formatted as "os[/arch[/variant]]" (e.g., "linux/amd64")'),
    quiet: switchFlag('Only show image IDs', { short: 'q' }),
  },
  count: exactly(1),
  async run(context, { values, positionals: [name = ''] }) {
    const items = await imageHistory(context.api, name, platformQuery(values.platform));
    const view = { truncate: !values['no-trunc'], human: values.human, nowMs: context.world.now() };
    const created = values.human ? 'CreatedSince' : 'CreatedAt';
    await printListing(context, {
      format: values.format,
      quiet: values.quiet,
      defaultTable: `table {{.ID}}\t{{.${created}}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}`,
      headers,
      rows: items.map((item) => rowOf(item, view)),
    });
    return 0;
  },
});
