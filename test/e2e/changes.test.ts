/** What a container changes in its files: diff, export, commit; and its ports, of which there are none. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite, test, type TestContext } from 'node:test';

import { eventually, run } from '../support/run.ts';
import {
  api,
  background,
  docker,
  engine,
  failureOf,
  inspect,
  library,
  reserve,
  stdoutOf,
  uniqueName,
} from './harness.ts';

const script = `
  echo new > /etc/new; ln /etc/new /etc/second; rm /etc/group; mkdir -p /opt/a; touch /opt/a/f
  rm -r /home; mkdir /home; echo 1 > /home/one; chmod 700 /srv; ln -s /no/where /opt/link; touch /ready; sleep 300`;

const changed = [
  'A /etc/new',
  'A /etc/second',
  'A /home/one',
  'A /opt',
  'A /opt/a',
  'A /opt/a/f',
  'A /opt/link',
  'A /ready',
  'C /etc',
  'C /home',
  'C /srv',
  'D /etc/group',
  'D /home/worker',
];

/** A container that has changed its files and goes on. */
async function changedContainer(t: TestContext, options: readonly string[] = []): Promise<string> {
  const name = await background(t, options, 'sh', '-ec', script);
  await eventually('the container has changed its files', async () => {
    return (await docker(['exec', name, 'test', '-e', '/ready'])).code === 0;
  });
  return name;
}

async function diffOf(container: string): Promise<string[]> {
  return (await stdoutOf(['diff', container])).split('\n').toSorted();
}

function directory(t: TestContext): string {
  const made = mkdtempSync(path.join(tmpdir(), 'gantry-changes-'));
  t.after(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** A name for an image that is removed with the test. */
function imageName(t: TestContext): string {
  const name = `${uniqueName('image')}:one`;
  t.after(() => docker(['rmi', '-f', name]));
  return name;
}

/** Exports into a file; gives tar's listing by name. */
async function exported(t: TestContext, container: string): Promise<Map<string, string>> {
  const file = path.join(directory(t), 'root.tar');
  await stdoutOf(['export', '-o', file, container]);
  const listing = await run('tar', ['--numeric-owner', '-tvf', file]);
  assert.equal(listing.code, 0, listing.stderr);
  const lines = listing.stdout.trimEnd().split('\n');
  return new Map(lines.map((line) => [/\d\d:\d\d (\S+)/.exec(line)?.[1] ?? line, line]));
}

async function layers(image: string): Promise<string[]> {
  return JSON.parse(await inspect(image, '{{json .RootFS.Layers}}')) as string[];
}

suite('changes of a container', { concurrency: 2 }, () => {
  test('diff tells what is different from the image, running and stopped', async (t) => {
    const container = await changedContainer(t);
    assert.deepEqual(await diffOf(container), changed);
    const answer = await api('GET', `/containers/${container}/changes`);
    const kinds = answer.json() as { Path: string; Kind: number }[];
    const kindOf = (wanted: string): number | undefined => kinds.find((each) => each.Path === wanted)?.Kind;
    assert.deepEqual([kindOf('/etc'), kindOf('/etc/new'), kindOf('/etc/group')], [0, 1, 2]);
    await stdoutOf(['kill', container]);
    assert.deepEqual(await diffOf(container), changed);
  });

  test('diff shows no files of the engine, but the mount points of the user', async (t) => {
    const name = reserve(t);
    await stdoutOf(['create', '--name', name, '-v', '/tmp:/mnt2/deep', library('alpine'), 'true']);
    assert.equal(await stdoutOf(['diff', name]), '');
    await stdoutOf(['start', '-a', name]);
    assert.deepEqual(await diffOf(name), ['A /mnt2', 'A /mnt2/deep']);
    assert.match(await failureOf(1, ['diff', 'no-such']), /No such container: no-such/);
  });

  test('export gives all files, and nothing of what is mounted', async (t) => {
    const mounted = directory(t);
    writeFileSync(path.join(mounted, 'not-for-export'), 'x');
    const container = await changedContainer(t, ['-v', `${mounted}:/mnt2`, '--tmpfs', '/scratch']);
    await stdoutOf(['exec', container, 'touch', '/scratch/neither']);
    const running = await exported(t, container);
    await stdoutOf(['kill', container]);
    const stopped = await exported(t, container);
    for (const files of [running, stopped]) {
      assert.match(files.get('etc/new') ?? '', /^-rw-r--r-- 0\/0\s+4 /);
      assert.match(files.get('etc/second') ?? '', /link to etc\/new$/);
      assert.match(files.get('opt/link') ?? '', /-> \/no\/where$/);
      assert.match(files.get('srv/') ?? '', /^drwx------ /);
      assert.match(files.get('etc/hosts') ?? '', /^-\S+ 0\/0\s+0 /, 'the mounted hosts file is not in it');
      assert.match(files.get('bin/busybox') ?? '', /^-rwxr-xr-x/);
      assert.ok(files.has('mnt2/') && files.has('scratch/') && files.has('proc/'));
      for (const name of ['etc/group', 'home/worker/', 'mnt2/not-for-export', 'scratch/neither', 'proc/1/', './'])
        assert.ok(!files.has(name), name);
    }
    assert.deepEqual([...running.keys()], [...stopped.keys()]);
  });

  test('export goes to stdout or into a file, whole or not at all', async (t) => {
    const container = await background(t, [], 'sleep', '300');
    const into = directory(t);
    const file = path.join(into, 'root.tar');
    await stdoutOf(['export', '--output', file, container]);
    const { client, host } = engine();
    const piped = await run('sh', ['-c', `'${client}' export ${container} | tar -xO etc/os-release`], {
      env: { DOCKER_HOST: host },
    });
    assert.match(piped.stdout, /NAME=/, piped.stderr);
    assert.ok(statSync(file).size > 1_000_000);
    assert.match(await failureOf(1, ['export', '-o', into, container]), /directory/);
    assert.match(await failureOf(1, ['export', '-o', path.join(into, 'no', 'x'), container]), /invalid output path/);
    assert.match(await failureOf(1, ['export', '-o', file, 'no-such']), /No such container: no-such/);
    assert.ok(readFileSync(file).length > 1_000_000, 'an export that fails leaves the file alone');
  });

  test('a container can be started, stopped and removed beside an export that nobody reads', async (t) => {
    const name = reserve(t);
    await stdoutOf([
      'create',
      '--name',
      name,
      library('alpine'),
      'sh',
      '-c',
      'dd if=/dev/zero of=/f bs=1M count=20; sleep 300',
    ]);
    const { client, host } = engine();
    const stalled = run('sh', ['-c', `'${client}' export ${name} | { head -c 100 >/dev/null; sleep 2; }`], {
      env: { DOCKER_HOST: host },
    });
    await stdoutOf(['start', name]);
    assert.equal(await inspect(name, '{{.State.Running}}'), 'true');
    await stdoutOf(['rm', '-f', name]);
    await stalled;
  });

  test('commit makes an image that runs, with what was changed in files and configuration', async (t) => {
    const container = await changedContainer(t, ['-e', 'A=1', '-l', 'kept=yes']);
    const image = imageName(t);
    const changes = ['ENV B=$A C="d e"', 'CMD cat /etc/second', 'LABEL more=too', 'WORKDIR /opt', 'EXPOSE 80'];
    const flags = ['-a', 'Me <me@example.com>', '-m', 'what for', ...changes.flatMap((change) => ['-c', change])];
    const id = await stdoutOf(['commit', ...flags, container, image]);
    assert.match(id, /^sha256:[0-9a-f]{64}$/);
    assert.equal(await inspect(container, '{{.State.Status}}'), 'running');
    const ran = (...command: string[]): Promise<string> =>
      stdoutOf(['run', '--rm', '--name', uniqueName(), image, ...command]);
    assert.equal(await ran(), 'new');
    const look =
      'ls -d /etc/group /home/worker 2>/dev/null; ls /home; stat -c %a /srv; pwd; echo $A $B $C; readlink link';
    assert.equal(await ran('sh', '-c', look), 'one\n700\n/opt\n1 1 d e\n/no/where');
    const format =
      '{{.Author}}|{{.Comment}}|{{.Parent}}|{{json .Config.Cmd}}|{{json .Config.Labels}}|{{json .Config.ExposedPorts}}';
    const parent = await inspect(container, '{{.Image}}');
    assert.equal(
      await inspect(image, format),
      `Me <me@example.com>|what for|${parent}|["/bin/sh","-c","cat /etc/second"]|{"kept":"yes","more":"too"}|{"80/tcp":{}}`,
    );
    const history = await stdoutOf(['history', '--no-trunc', '--format', '{{.ID}}|{{.CreatedBy}}|{{.Comment}}', image]);
    const [top = '', below = ''] = history.split('\n').filter((line) => line.includes('sha256:'));
    assert.ok(top.startsWith(`${id}|sh -ec `) && history.includes('|what for') && below.startsWith(parent), history);
  });

  test('commits share the layers below; one without changes has none of its own', async (t) => {
    const [first, second, empty] = [imageName(t), imageName(t), imageName(t)];
    const one = await background(t, [], 'sh', '-c', 'echo 1 > /one; sleep 300');
    await eventually('the file is there', async () => (await stdoutOf(['diff', one])).includes('/one'));
    await stdoutOf(['commit', one, first]);
    const two = reserve(t);
    await stdoutOf(['run', '--name', two, first, 'sh', '-c', 'rm /one; echo 2 > /two']);
    await stdoutOf(['commit', two, second]);
    const three = reserve(t);
    await stdoutOf(['create', '--name', three, second, 'true']);
    await stdoutOf(['commit', '-c', 'USER worker', three, empty]);
    const [base, under, over, none] = [
      await layers(library('alpine')),
      await layers(first),
      await layers(second),
      await layers(empty),
    ];
    assert.deepEqual(under.slice(0, -1), base);
    assert.deepEqual(over.slice(0, -1), under);
    assert.deepEqual(none, over);
    const output = await stdoutOf([
      'run',
      '--rm',
      '--name',
      uniqueName(),
      empty,
      'sh',
      '-c',
      'cat /two; ls /one 2>/dev/null; id -un',
    ]);
    assert.equal(output, '2\nworker');
    assert.match(await stdoutOf(['history', '--format', '{{.Size}}', empty]), /^0B\n/);
  });

  test('a commit pauses for as long as it takes, unless it is told not to, and leaves a paused one paused', async (t) => {
    const container = await background(t, [], 'sleep', '300');
    const id = await inspect(container, '{{.Id}}');
    const commit = async (...flags: string[]): Promise<void> => {
      const image = await stdoutOf(['commit', ...flags, container]);
      t.after(() => docker(['rmi', '-f', image]));
    };
    const eventsOf = async (work: () => Promise<void>): Promise<string[]> => {
      const since = (Date.now() / 1000).toFixed(3);
      await work();
      const filters = encodeURIComponent(JSON.stringify({ container: [id], type: ['container'] }));
      const until = ((Date.now() + 1) / 1000).toFixed(3);
      const answer = await api('GET', `/events?since=${since}&until=${until}&filters=${filters}`);
      const lines = answer.text.trim().split('\n');
      return lines.map((line) => (JSON.parse(line) as { Action: string }).Action).toSorted();
    };
    assert.deepEqual(await eventsOf(() => commit()), ['commit', 'pause', 'unpause']);
    assert.deepEqual(await eventsOf(() => commit('--pause=false')), ['commit']);
    await stdoutOf(['pause', container]);
    assert.deepEqual(await eventsOf(() => commit()), ['commit']);
    assert.equal(await inspect(container, '{{.State.Status}}'), 'paused');
    await stdoutOf(['unpause', container]);
  });

  test('a commit is refused before it does anything', async (t) => {
    const container = await background(t, [], 'sleep', '300');
    for (const [args, message] of [
      [['-c', 'RUN ls', container], /run is not a valid change command/],
      [['-c', 'EXPOSE x', container], /nvalid containerPort: x/],
      [['-c', 'ENTRYPOINT ["a", 1]', container], /arrays must be comprised of strings only/],
      [[container, 'Bad/Name'], /must be lowercase/],
      [['no-such'], /No such container: no-such/],
    ] as const)
      assert.match(await failureOf(1, ['commit', ...args]), message);
    assert.match((await api('POST', `/commit?container=${container}&repo=a@b`)).text, /invalid reference format/);
    assert.equal((await api('POST', '/commit?repo=x')).status, 400);
    assert.equal(await inspect(container, '{{.State.Status}}'), 'running');
  });

  test('the API takes a configuration in place of the container’s', async (t) => {
    const container = await background(t, ['-e', 'A=1', '-e', 'B=2'], 'sleep', '300');
    const query = `container=${container}&repo=${uniqueName('image')}&changes=USER+worker&changes=ENV+D%3D%24C`;
    const answer = await api('POST', `/commit?${query}`, { body: { Env: ['A=x', 'C=3'], Cmd: ['true'] } });
    assert.equal(answer.status, 201, answer.text);
    const { Id } = answer.json() as { Id: string };
    t.after(() => docker(['rmi', '-f', Id]));
    const [env = '', rest] = (await inspect(Id, '{{json .Config.Env}}#{{json .Config.Cmd}} {{.Config.User}}')).split(
      '#',
    );
    assert.deepEqual((JSON.parse(env) as string[]).slice(0, 3), ['A=x', 'C=3', 'D=3']);
    assert.ok((JSON.parse(env) as string[]).includes('B=2'));
    assert.equal(rest, '["true"] worker');
  });

  test('port shows that nothing is published', async (t) => {
    const container = await background(t, [], 'sleep', '300');
    assert.equal(await stdoutOf(['port', container]), '');
    assert.equal(
      await failureOf(1, ['port', container, '80']),
      `Error: No public port '80' published for ${container}\n`,
    );
    assert.match(await failureOf(1, ['port', container, 'x']), /invalid port \(x\)/);
    assert.match(await failureOf(1, ['port', 'no-such']), /No such container: no-such/);
  });

  test('checkpoints are refused', async (t) => {
    const container = await background(t, [], 'sleep', '300');
    assert.match(await failureOf(1, ['checkpoint', 'create', container, 'one']), /checkpoint/);
  });
});
