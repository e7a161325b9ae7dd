import type { ImageSummary } from '../../api/index.ts';
import { GantryError, humanSize, switchFlag, textFlag } from '../../base/index.ts';
import { listImages } from '../../client/index.ts';
import { atMost, defineCommand } from '../command.ts';
import { filterFlag } from '../filterFlag.ts';
import { GoStruct } from '../format/index.ts';
import { listFormatUsage, printListing, shortId } from '../listing.ts';
import { ago, longTime } from '../times.ts';

const headers = {
  ID: 'IMAGE ID',
  Repository: 'REPOSITORY',
  Tag: 'TAG',
  Digest: 'DIGEST',
  CreatedSince: 'CREATED',
  CreatedAt: 'CREATED AT',
  Size: 'SIZE',
  Containers: 'CONTAINERS',
  VirtualSize: 'SIZE',
  SharedSize: 'SHARED SIZE',
  UniqueSize: 'UNIQUE SIZE',
};

const missing = '<none>';

interface Name {
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
}

function grouped(texts: readonly string[], mark: string): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const text of texts) {
    const at = text.lastIndexOf(mark);
    const [name, rest] = at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
    if (name !== missing) groups.set(name, [...(groups.get(name) ?? []), rest]);
  }
  return groups;
}

/** The rows of one image: one a tag, or a digest where there is no tag; with digests every pair of both. */
function namesOf(image: ImageSummary, withDigests: boolean): Name[] {
  const tags = grouped(image.RepoTags ?? [], ':');
  const digests = grouped(image.RepoDigests ?? [], '@');
  const tagged = [...tags].flatMap(([repository, own]) => {
    const all = withDigests ? (digests.get(repository) ?? [missing]) : [missing];
    return own.flatMap((tag) => all.map((digest) => ({ repository, tag, digest })));
  });
  const untagged = [...digests]
    .filter(([repository]) => !tags.has(repository))
    .flatMap(([repository, own]) =>
      (withDigests ? own : [missing]).map((digest) => ({ repository, tag: missing, digest })),
    );
  const names = [...tagged, ...untagged];
  return names.length === 0 ? [{ repository: missing, tag: missing, digest: missing }] : names;
}

function shortSize(bytes: number): string {
  return humanSize(bytes, 3);
}

function orUnknown(value: number, show: (value: number) => string): string {
  return value === -1 ? 'N/A' : show(value);
}

function rowOf(image: ImageSummary, name: Name, truncate: boolean, nowMs: number): GoStruct {
  const created = image.Created;
  return new GoStruct(
    '*formatter.imageContext',
    {
      ID: truncate ? shortId(image.Id) : image.Id,
      Repository: name.repository,
      Tag: name.tag,
      Digest: name.digest,
      CreatedSince: () => (created > 0 ? ago(created, nowMs) : ''),
      CreatedAt: () => longTime(created),
      Size: () => shortSize(image.Size),
      Containers: () => orUnknown(image.Containers, String),
      VirtualSize: () => humanSize(image.Size),
      SharedSize: () => orUnknown(image.SharedSize, shortSize),
      UniqueSize: () => orUnknown(image.SharedSize, (shared) => shortSize(image.Size - shared)),
    },
    { isRow: true },
  );
}

function tableOf(digests: boolean): string {
  const digest = digests ? '\t{{.Digest}}' : '';
  return `table {{.Repository}}\t{{.Tag}}${digest}\t{{.ID}}\t{{if .CreatedSince }}{{.CreatedSince}}{{else}}N/A{{end}}\t{{.Size}}`;
}

export const command = defineCommand({
  usage: '[OPTIONS] [REPOSITORY[:TAG]]',
  flags: {
    all: switchFlag('Show all images (default hides intermediate images)', { short: 'a' }),
    digests: switchFlag('Show digests'),
    filter: filterFlag('Filter output based on conditions provided', { short: 'f' }),
    format: textFlag(listFormatUsage),
    'no-trunc': switchFlag("Don't truncate output"),
    quiet: switchFlag('Only show image IDs', { short: 'q' }),
    tree: switchFlag('List multi-platform images as a tree (EXPERIMENTAL)', { hidden: true }),
  },
  count: atMost(1),
  async run(context, { values, positionals: [pattern] }) {
    if (values.tree) throw new GantryError('notImplemented', 'images --tree is not supported yet');
    const { all, digests, format, quiet } = values;
    const filters = pattern === undefined ? values.filter : new Map(values.filter).set('reference', new Set([pattern]));
    const images = await listImages(context.api, { all, filters });
    const withDigests = digests || /\.Digest\b/.test(format);
    const now = context.world.now();
    await printListing(context, {
      format,
      quiet,
      defaultTable: tableOf(digests),
      headers,
      rows: images.flatMap((image) =>
        namesOf(image, withDigests && !quiet).map((name) => rowOf(image, name, !values['no-trunc'], now)),
      ),
    });
    return 0;
  },
});
