import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { alpine, api, docker, engine, failureOf, library, stdoutOf, uniqueName, variant } from './harness.ts';

/** Size and content of an inspect answer that the tests read. */
interface ImageInspect {
  readonly Id: string;
  readonly RepoTags: string[];
  readonly RepoDigests: string[];
  readonly Architecture: string;
  readonly Os: string;
  readonly Size: number;
  readonly Created: string;
  readonly Config: {
    Cmd: string[];
    Env: string[];
    User: string;
    WorkingDir: string;
    StopSignal?: string;
    Labels: Record<string, string>;
  };
  readonly RootFS: { Type: string; Layers: string[] };
}

async function inspectImage(name: string): Promise<ImageInspect> {
  const [image] = JSON.parse(await stdoutOf(['image', 'inspect', name])) as ImageInspect[];
  assert.ok(image);
  return image;
}

/** Runs a script in the image that was made of changes. */
function lookIntoTree(script: string): Promise<string> {
  return stdoutOf(['run', '--rm', '--name', uniqueName(), variant('tree'), 'sh', '-ec', script]);
}

suite('images', () => {
  test('pull shows its steps, then that the image is up to date', async () => {
    await docker(['rmi', '-f', variant('formats')]);
    const fresh = await stdoutOf(['pull', variant('formats')]);
    assert.match(fresh, /^Using default tag: latest\nlatest: Pulling from test\/formats\n/);
    assert.match(fresh, /[0-9a-f]{12}: Pull complete/);
    assert.match(fresh, /\nDigest: sha256:[0-9a-f]{64}\nStatus: Downloaded newer image for /);
    const again = await stdoutOf(['pull', variant('formats')]);
    assert.match(again, /Status: Image is up to date for /);
    assert.doesNotMatch(again, /Pull complete/);
  });

  test('pull -q prints the reference alone', async () => {
    assert.equal(await stdoutOf(['pull', '-q', library('alpine')]), `${library('alpine')}:latest`);
  });

  test('progress goes out as JSON messages, a line each', async () => {
    const answer = await api('POST', `/images/create?fromImage=${encodeURIComponent(library('busybox'))}&tag=latest`);
    assert.equal(answer.status, 200);
    const messages = answer.text
      .trim()
      .split('\r\n')
      .map((line) => JSON.parse(line) as { status: string; id?: string });
    assert.deepEqual(messages[0], { status: 'Pulling from library/busybox', id: 'latest' });
    assert.match(messages.at(-1)?.status ?? '', /^Status: /);
  });

  test('what the registry does not have is said in its words', async () => {
    assert.match(
      await failureOf(1, ['pull', library('missing')]),
      /manifest for .*library\/missing:latest not found|repository does not exist|not found/,
    );
    assert.match(
      await failureOf(1, ['pull', `${library('alpine')}:no-such-tag`]),
      /manifest for .*alpine:no-such-tag not found/,
    );
    const answer = await api(
      'POST',
      `/images/create?fromImage=${encodeURIComponent(library('alpine'))}&tag=no-such-tag`,
    );
    assert.equal(answer.status, 404);
  });

  test('a reference that cannot be right is refused before any traffic', async () => {
    assert.match(
      await failureOf(125, ['run', '--rm', 'Upper/Case']),
      /repository name .*must be lowercase|invalid reference format/,
    );
    const answer = await api('POST', '/images/create?fromImage=UPPER&tag=x');
    assert.equal(answer.status, 400);
    assert.match((answer.json() as { message: string }).message, /invalid reference format/);
  });

  test('an image is pulled and run by digest', async () => {
    const { RepoDigests } = await inspectImage(library('alpine'));
    const reference = RepoDigests.find((digest) =>
      digest.startsWith(`${engine().registry.host}/library/alpine@sha256:`),
    );
    assert.ok(reference);
    assert.match(await stdoutOf(['pull', reference]), /Status: /);
    assert.equal(await stdoutOf(['run', '--rm', '--name', uniqueName(), reference, 'echo', 'by digest']), 'by digest');
  });

  test('of an index the platform of this machine is taken', async () => {
    const name = uniqueName();
    await stdoutOf(['pull', '-q', variant('platforms')]);
    assert.equal(await stdoutOf(['run', '--rm', '--name', name, variant('platforms')]), 'native');
  });

  test('layers are applied as changes: whiteouts, opaque directories, replacements', async () => {
    await stdoutOf(['pull', '-q', variant('tree')]);
    assert.equal(
      await lookIntoTree('cd /tree; ls deleted; ls -A opaque; cat replaced; [ ! -e symlink ] && echo gone'),
      'two\nnew\nnow-a-file\ngone',
    );
    const stat = await lookIntoTree(
      "cd /tree; stat -c '%a %u:%g %F %h' setuid sticky fifo device owned kept/file dangling",
    );
    assert.deepEqual(stat.split('\n'), [
      '4755 0:0 regular file 1',
      '1777 0:0 directory 2',
      '640 0:0 fifo 1',
      '600 0:0 character special file 1',
      '644 1234:5678 regular file 1',
      '644 0:0 regular file 2',
      '777 0:0 symbolic link 1',
    ]);
    assert.equal(
      await lookIntoTree("cd /tree; stat -c %Y owned; cat 'with space and ümlaut'; ls | grep -c long-long"),
      '1700000000\nspaced\n1',
    );
  });

  test('plain and gzip layers lie in one image', async () => {
    await stdoutOf(['pull', '-q', variant('formats')]);
    assert.match(
      await stdoutOf(['run', '--rm', '--name', uniqueName(), variant('formats'), 'cat', '/mark-none', '/mark-gzip']),
      /^none .*\ngzip /,
    );
  });

  test('hardlinked programs of an image all run', async () => {
    await stdoutOf(['pull', '-q', library('busybox')]);
    assert.equal(
      await stdoutOf(['run', '--rm', '--name', uniqueName(), library('busybox'), 'expr', '6', '*', '7']),
      '42',
    );
  });

  test('inspect tells the configuration', async () => {
    await stdoutOf(['pull', '-q', variant('settings')]);
    const image = await inspectImage(variant('settings'));
    assert.match(image.Id, /^sha256:[0-9a-f]{64}$/);
    assert.deepEqual(image.RepoTags, [`${variant('settings')}:latest`]);
    assert.equal(image.Os, 'linux');
    assert.equal(image.Config.User, 'worker');
    assert.equal(image.Config.WorkingDir, '/srv/made/here');
    assert.equal(image.Config.StopSignal, 'SIGUSR1');
    assert.equal(image.Config.Labels['org.example.purpose'], 'test');
    assert.ok(image.Config.Env.includes('COLOR=green'));
    assert.equal(image.RootFS.Type, 'layers');
    assert.equal(image.RootFS.Layers.length, 1);
    assert.ok(image.Size > 1_000_000);
    assert.equal(image.Created, '2023-11-14T22:13:20Z');
  });

  test("the image's settings hold in the container", async () => {
    await stdoutOf(['pull', '-q', variant('settings')]);
    assert.equal(
      await stdoutOf(['run', '--rm', '--name', uniqueName(), variant('settings')]),
      'worker\n/srv/made/here\ngreen',
    );
  });

  test('images lists, filters and formats', async () => {
    const reference = library('alpine');
    const format = '{{.Repository}} {{.Tag}} {{.ID}}';
    const line = await stdoutOf(['images', '--format', format, reference]);
    assert.match(line, new RegExp(`^${reference} latest [0-9a-f]{12}$`));
    const table = await stdoutOf(['images', reference]);
    assert.match(table, /^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE\n/);
    const byFilter = await stdoutOf([
      'images',
      '-q',
      '--no-trunc',
      '--filter',
      `reference=${engine().registry.host}/library/alp*`,
    ]);
    assert.equal(byFilter, (await inspectImage(reference)).Id);
  });

  test('a tag is added, listed and taken away again; the last one deletes the image', async () => {
    await stdoutOf(['pull', '-q', variant('entrypoint')]);
    const other = `${engine().registry.host}/other/name:v1.2`;
    await stdoutOf(['tag', variant('entrypoint'), other]);
    assert.deepEqual((await inspectImage(other)).RepoTags.toSorted(), [other, `${variant('entrypoint')}:latest`]);
    assert.equal(await stdoutOf(['rmi', other]), `Untagged: ${other}`);
    const removal = await stdoutOf(['rmi', variant('entrypoint')]);
    assert.match(
      removal,
      /^Untagged: .*entrypoint:latest\nUntagged: .*entrypoint@sha256:[0-9a-f]{64}\nDeleted: sha256:/,
    );
    assert.match(await failureOf(1, ['rmi', variant('entrypoint')]), /No such image: .*entrypoint/);
  });

  test('an image in use is not removed', async () => {
    await stdoutOf(['pull', '-q', variant('formats')]);
    const name = uniqueName();
    await stdoutOf(['create', '--name', name, variant('formats')]);
    try {
      assert.match(
        await failureOf(1, ['rmi', variant('formats')]),
        /conflict: unable to remove repository reference .* container [0-9a-f]{12} is using its referenced image/,
      );
    } finally {
      await docker(['rm', name]);
    }
  });

  test('history has a row a layer, the newest first', async () => {
    await stdoutOf(['pull', '-q', variant('tree')]);
    const rows = (await stdoutOf(['history', '--no-trunc', '--format', '{{.CreatedBy}}', variant('tree')])).split('\n');
    assert.deepEqual(rows, ['fixture layer 3', 'fixture layer 2', 'fixture layer 1']);
    assert.match(await stdoutOf(['history', variant('tree')]), /^IMAGE +CREATED +CREATED BY +SIZE +COMMENT\n/);
  });

  test('an id or an unambiguous prefix names an image', async () => {
    const { Id } = await inspectImage(library('alpine'));
    assert.equal((await inspectImage(Id.slice('sha256:'.length, 'sha256:'.length + 12))).Id, Id);
    assert.equal(await stdoutOf(['run', '--rm', '--name', uniqueName(), Id, 'echo', 'by id']), 'by id');
    assert.match(await alpine([], 'cat', '/etc/os-release'), /ID=alpine/);
  });

  test('image inspect of what is not there fails with the known text', async () => {
    assert.match(
      await failureOf(1, ['image', 'inspect', 'no-such-image-at-all']),
      /No such image: no-such-image-at-all/,
    );
  });
});
