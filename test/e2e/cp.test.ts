import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite, test, type TestContext } from 'node:test';

import { packTar, type PackEntry } from '../../src/base/index.ts';
import { describe, run } from '../support/run.ts';
import {
  api,
  background,
  clientEnvironment,
  docker,
  engine,
  failureOf,
  inspect,
  library,
  reserve,
  stdoutOf,
} from './harness.ts';

/** A directory of the host that goes with the test. */
function scratch(t: TestContext): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'gantry-cp-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function sleeper(t: TestContext, ...options: string[]): Promise<string> {
  return background(t, options, 'sleep', '300');
}

function inside(container: string, script: string): Promise<string> {
  return stdoutOf(['exec', container, 'sh', '-c', script]);
}

/** What a copy has to keep of a tree, one line for each entry; hard links are told by their first name. */
function treeOf(root: string): string[] {
  const first = new Map<number, string>();
  const visit = (relative: string): string[] => {
    const full = path.join(root, relative);
    const stat = lstatSync(full);
    const mode = (stat.mode & 0o7777).toString(8);
    const seconds = Math.floor(stat.mtimeMs / 1000);
    if (stat.isSymbolicLink()) return [`${relative} -> ${readlinkSync(full)} ${seconds}`];
    if (stat.isDirectory())
      return [
        `${relative}/ ${mode} ${seconds}`,
        ...readdirSync(full)
          .toSorted()
          .flatMap((name) => visit(path.join(relative, name))),
      ];
    const known = first.get(stat.ino) ?? relative;
    first.set(stat.ino, known);
    const digest = createHash('sha256').update(readFileSync(full)).digest('hex').slice(0, 12);
    return [`${relative} ${mode} ${seconds} ${digest} ${known}`];
  };
  return visit('.');
}

const oddNames = [
  'two words',
  'ünïcode-名前',
  'line\nend',
  '-dash',
  'quote\'"',
  'a:colon',
  'back\\slash',
  'n'.repeat(250),
];

function makeTree(directory: string): string {
  const root = path.join(directory, 'tree');
  mkdirSync(path.join(root, 'sub/deeper'), { recursive: true });
  for (const name of oddNames) writeFileSync(path.join(root, 'sub', name), `of ${name}`);
  writeFileSync(path.join(root, 'run.sh'), '#!/bin/sh\n', { mode: 0o755 });
  chmodSync(path.join(root, 'run.sh'), 0o4755);
  writeFileSync(path.join(root, 'empty'), '');
  linkSync(path.join(root, 'run.sh'), path.join(root, 'sub/same'));
  symlinkSync('run.sh', path.join(root, 'beside'));
  symlinkSync('../run.sh', path.join(root, 'sub/above'));
  symlinkSync('/etc/hostname', path.join(root, 'absolute'));
  symlinkSync('nowhere', path.join(root, 'broken'));
  const long = path.join(root, 'd'.repeat(120), 'e'.repeat(120), 'f'.repeat(120));
  mkdirSync(long, { recursive: true });
  writeFileSync(path.join(long, 'end'), 'far');
  chmodSync(path.join(root, 'sub/deeper'), 0o1770);
  utimesSync(path.join(root, 'empty'), 1_000_000_000, 1_000_000_000);
  utimesSync(path.join(root, 'sub'), 1_100_000_000, 1_100_000_000);
  return root;
}

/** Runs the client with its standard output in a file, as bytes. */
async function streamTo(file: string, args: readonly string[]): Promise<void> {
  const result = await run('sh', ['-c', 'file=$1; shift; "$@" > "$file"', 'sh', file, engine().client, ...args], {
    env: clientEnvironment(),
  });
  assert.equal(result.code, 0, describe(result));
}

suite('cp', { concurrency: 3 }, () => {
  test('a tree comes back as it went', async (t) => {
    const directory = scratch(t);
    const tree = makeTree(directory);
    const name = await sleeper(t);
    assert.equal(await stdoutOf(['cp', tree, `${name}:/copied`]), '');
    assert.equal(await inside(name, 'cat /copied/beside; readlink /copied/sub/above'), '#!/bin/sh\n../run.sh');
    await stdoutOf(['cp', `${name}:/copied`, path.join(directory, 'back')]);
    assert.deepEqual(treeOf(path.join(directory, 'back')), treeOf(tree));
  });

  test('50 MB arrive whole in both directions', async (t) => {
    const directory = scratch(t);
    const data = randomBytes(50_000_000);
    writeFileSync(path.join(directory, 'big'), data);
    const digest = createHash('sha256').update(data).digest('hex');
    const name = await sleeper(t);
    await stdoutOf(['cp', path.join(directory, 'big'), `${name}:/big`]);
    assert.equal((await inside(name, 'sha256sum /big')).split(' ')[0], digest);
    await stdoutOf(['cp', `${name}:/big`, path.join(directory, 'back')]);
    assert.equal(
      createHash('sha256')
        .update(readFileSync(path.join(directory, 'back')))
        .digest('hex'),
      digest,
    );
  });

  test('into a container: where things go', async (t) => {
    const directory = scratch(t);
    mkdirSync(path.join(directory, 'd'));
    writeFileSync(path.join(directory, 'd/f'), 'in d');
    writeFileSync(path.join(directory, 'f'), 'file');
    symlinkSync('f', path.join(directory, 'l'));
    const name = await sleeper(t);
    await inside(name, 'mkdir -p /t/dir; echo old > /t/file');
    const copy = (from: string, to: string, ...options: string[]): Promise<string> =>
      stdoutOf(['cp', ...options, from, `${name}:${to}`], { cwd: directory });
    await copy('f', '/t/dir');
    await copy('f', '/t/dir/renamed');
    await copy('f', '/t/file');
    await copy('d', '/t/dir');
    await copy('d', '/t/new');
    await copy('d/.', '/t/dir');
    await copy('l', '/t/link');
    await copy('l', '/t/followed', '-L');
    await copy('./f', 't/relative');
    assert.equal(
      await inside(name, 'cd /t; find . ! -type d | sort | xargs grep -s ""; readlink link; test ! -L followed'),
      [
        './dir/d/f:in d',
        './dir/f:in d',
        './dir/renamed:file',
        './file:file',
        './followed:file',
        './new/f:in d',
        './relative:file',
        'f',
      ]
        .join('\n')
        .replace('./link', ''),
    );
    const refused = (from: string, to: string): Promise<string> =>
      failureOf(1, ['cp', from, `${name}:${to}`], { cwd: directory });
    assert.match(await refused('d', '/t/file'), /cannot copy directory/);
    assert.match(await refused('f', '/t/missing/'), /no such directory/);
    assert.match(await refused('f', '/missing/f'), /Could not find the file \/missing in container/);
    assert.match(
      await refused('d', '/t/file/'),
      /cannot copy directory|not a directory|cannot overwrite non-directory/,
    );
    assert.match(await refused('nothing', '/t'), /nothing: no such file or directory/);
    await inside(name, 'mkdir -p /t/dir2/f');
    assert.match(await refused('f', '/t/dir2'), /cannot overwrite directory ".*\/f" with non-directory/);
  });

  test('out of a container: where things go', async (t) => {
    const directory = scratch(t);
    mkdirSync(path.join(directory, 'dir'));
    writeFileSync(path.join(directory, 'file'), 'old');
    const name = await sleeper(t);
    await inside(name, 'mkdir -p /t/d; printf "in d" > /t/d/f; printf file > /t/f; ln -s /t/f /t/l; ln -s /t/d /t/ld');
    const copy = (from: string, to: string, ...options: string[]): Promise<string> =>
      stdoutOf(['cp', ...options, `${name}:${from}`, to], { cwd: directory });
    await copy('/t/f', 'dir');
    await copy('/t/f', 'dir/renamed');
    await copy('/t/f', 'file');
    await copy('/t/d', 'dir');
    await copy('/t/d', 'new');
    await copy('/t/d/.', 'content');
    await copy('/t/l', 'link');
    await copy('/t/l', 'followed', '-L');
    await copy('/t/ld', 'dir/followed', '-L');
    await copy('/t/../t/d/../f', './dots');
    const textAt = (file: string): string => readFileSync(path.join(directory, file), 'utf8');
    for (const file of ['dir/f', 'dir/renamed', 'file', 'followed', 'dots']) assert.equal(textAt(file), 'file', file);
    for (const file of ['dir/d/f', 'new/f', 'content/f', 'dir/followed/f']) assert.equal(textAt(file), 'in d', file);
    assert.equal(readlinkSync(path.join(directory, 'link')), '/t/f');
    const refused = (from: string, to: string): Promise<string> =>
      failureOf(1, ['cp', `${name}:${from}`, to], { cwd: directory });
    assert.match(await refused('/t/d', 'file'), /cannot copy directory/);
    assert.match(await refused('/t/f', 'missing/'), /no such directory/);
    assert.match(await refused('/t/f', 'missing/f'), /invalid output path: directory ".*missing" does not exist/);
    assert.match(await refused('/t/none', '.'), /Could not find the file \/t\/none in container/);
    assert.match(await refused('/t/f', '/dev/null'), /must be a directory or a regular file/);
  });

  test('links of a container lead where they lead inside it', async (t) => {
    const directory = scratch(t);
    const marker = `gantry-cp-${randomBytes(4).toString('hex')}`;
    writeFileSync(path.join(directory, 'f'), 'host');
    const name = await sleeper(t);
    await inside(name, `mkdir /${marker}; ln -s /${marker} /abs; ln -s ../../../../${marker} /up; ln -s /up /twice`);
    for (const link of ['abs', 'up', 'twice']) {
      await stdoutOf(['cp', path.join(directory, 'f'), `${name}:/${link}/${link}`]);
      await stdoutOf(['cp', path.join(directory, 'f'), `${name}:/${link}`]);
      await stdoutOf(['cp', `${name}:/${link}/${link}`, path.join(directory, link)]);
      assert.equal(readFileSync(path.join(directory, link), 'utf8'), 'host');
    }
    assert.equal(await inside(name, `ls -x /${marker}`).then((text) => text.split(/\s+/).join(' ')), 'abs f twice up');
    assert.equal(existsSync(`/${marker}`), false);
    await inside(name, 'ln -s /proc/1/root/etc/passwd /leak; ln -s /etc/passwd /own; echo mine > /etc/passwd');
    await stdoutOf(['cp', '-L', `${name}:/own`, path.join(directory, 'own')]);
    assert.equal(readFileSync(path.join(directory, 'own'), 'utf8'), 'mine\n');
    assert.equal((await docker(['cp', '-L', `${name}:/leak`, path.join(directory, 'leak')])).code, 1);
  });

  test('owners and modes are the archive’s; with -a the container’s user', async (t) => {
    const owned: PackEntry[] = [
      { path: 'owned/', uid: 1234, gid: 555, mode: 0o750 },
      { path: 'owned/f', uid: 7, gid: 8, mode: 0o2640, content: 'x' },
    ];
    const name = await sleeper(t);
    const listing = 'stat -c "%n %u:%g %a" /tmp/owned /tmp/owned/f';
    await stdoutOf(['cp', '-', `${name}:/tmp`], { input: packTar(owned) });
    assert.equal(await inside(name, listing), '/tmp/owned 1234:555 750\n/tmp/owned/f 7:8 2640');
    await stdoutOf(['cp', '-a', '-', `${name}:/tmp`], { input: packTar(owned) });
    assert.equal(await inside(name, listing), '/tmp/owned 1234:555 750\n/tmp/owned/f 7:8 2640', 'it has no user');
  });

  test('`-` streams archives', async (t) => {
    const directory = scratch(t);
    const name = await sleeper(t);
    const archive = packTar([
      { path: 'a/', mode: 0o755 },
      { path: 'a/b', content: 'from a stream' },
      { path: 'missing/parent/c', content: 'made' },
    ]);
    await stdoutOf(['cp', '-', `${name}:/tmp`], { input: archive });
    assert.equal(await inside(name, 'cat /tmp/a/b /tmp/missing/parent/c'), 'from a streammade');
    const file = path.join(directory, 'out.tar');
    await streamTo(file, ['cp', `${name}:/tmp/a`, '-']);
    const listed = await run('tar', ['-tf', file]);
    assert.deepEqual([listed.code, listed.stdout], [0, 'a/\na/b\n']);
    assert.match(
      await failureOf(1, ['cp', '-', `${name}:/etc/passwd`], { input: archive }),
      /destination ".*:\/etc\/passwd" must be a directory/,
    );
  });

  test('hostile archives are refused, and touch nothing outside', async (t) => {
    const name = await sleeper(t);
    const outside = `gantry-cp-${randomBytes(4).toString('hex')}`;
    const put = (entries: PackEntry[]): Promise<string> =>
      failureOf(1, ['cp', '-', `${name}:/tmp`], { input: packTar(entries) });
    assert.match(await put([{ path: `../${outside}`, content: 'x' }]), /is outside of/);
    assert.match(await put([{ path: `a/../../${outside}`, content: 'x' }]), /is outside of/);
    assert.match(await put([{ path: 'h', type: 'hardlink', linkPath: '../../etc/passwd' }]), /invalid hardlink/);
    assert.match(await put([{ path: 's', linkPath: '../../etc' }]), /invalid symlink/);
    // Absolute names are taken from the directory; what goes through a link stays in the container.
    const lawful = [
      { path: `/${outside}`, content: 'x' },
      { path: 'l', linkPath: '/var' },
      { path: `l/${outside}`, content: 'y' },
    ];
    await stdoutOf(['cp', '-', `${name}:/tmp`], { input: packTar(lawful) });
    assert.equal(await inside(name, `cat /tmp/${outside} /var/${outside}; ls -d /${outside} || true`), 'xy');
    assert.equal(existsSync(`/${outside}`) || existsSync(`/tmp/${outside}`) || existsSync(`/var/${outside}`), false);
    const whole = packTar([{ path: 'cut', content: 'x'.repeat(100_000) }]);
    await failureOf(1, ['cp', '-', `${name}:/tmp`], { input: whole.subarray(0, 50_000) });
    await failureOf(1, ['cp', '-', `${name}:/tmp`], { input: randomBytes(20_000) });
  });

  test('created, running, paused and stopped containers', async (t) => {
    const directory = scratch(t);
    writeFileSync(path.join(directory, 'f'), 'x');
    const name = reserve(t);
    await stdoutOf(['create', '--name', name, library('alpine'), 'sleep', '300']);
    const states: (readonly [string, string[]])[] = [
      ['created', []],
      ['running', ['start', name]],
      ['paused', ['pause', name]],
      ['exited', ['kill', name]],
    ];
    for (const [state, change] of states) {
      if (state === 'exited') await stdoutOf(['unpause', name]);
      if (change.length > 0) await stdoutOf(change);
      if (state === 'exited') await stdoutOf(['wait', name]);
      assert.equal(await inspect(name, '{{.State.Status}}'), state);
      await stdoutOf(['cp', path.join(directory, 'f'), `${name}:/${state}`]);
      await stdoutOf(['cp', `${name}:/${state}`, path.join(directory, state)]);
      assert.equal(readFileSync(path.join(directory, state), 'utf8'), 'x');
      assert.equal(await inspect(name, '{{.State.Status}}'), state, 'a copy changes no state');
    }
    await stdoutOf(['start', name]);
    assert.equal(await inside(name, 'cat /created /running /paused /exited'), 'xxxx');
  });

  test('binds are seen, running or not, and say whether they can be written', async (t) => {
    const directory = scratch(t);
    const shared = path.join(directory, 'shared');
    mkdirSync(shared);
    writeFileSync(path.join(directory, 'f'), 'x');
    const name = await sleeper(t, '-v', `${shared}:/mnt/rw`, '-v', `${shared}:/mnt/ro:ro`);
    for (const state of ['running', 'stopped']) {
      if (state === 'stopped') await stdoutOf(['stop', '-t', '0', name]);
      await stdoutOf(['cp', path.join(directory, 'f'), `${name}:/mnt/rw/${state}`]);
      assert.equal(readFileSync(path.join(shared, state), 'utf8'), 'x');
      await stdoutOf(['cp', `${name}:/mnt/ro/${state}`, path.join(directory, state)]);
      assert.equal(readFileSync(path.join(directory, state), 'utf8'), 'x');
      const refusal = await failureOf(1, ['cp', path.join(directory, 'f'), `${name}:/mnt/ro/`]);
      assert.match(refusal, /mounted volume is marked read-only/);
    }
    const sealed = await sleeper(t, '--read-only', '-v', `${shared}:/mnt`);
    const refusal = await failureOf(1, ['cp', path.join(directory, 'f'), `${sealed}:/`]);
    assert.match(refusal, /container rootfs is marked read-only/);
    await stdoutOf(['cp', path.join(directory, 'f'), `${sealed}:/mnt/sealed`]);
    await stdoutOf(['cp', `${sealed}:/etc/passwd`, path.join(directory, 'passwd')]);
    assert.ok(existsSync(path.join(shared, 'sealed')));
  });

  test('what cannot be meant is refused', async (t) => {
    const name = await sleeper(t);
    assert.match(await failureOf(1, ['cp', 'a', 'b']), /must specify at least one container source/);
    assert.match(await failureOf(1, ['cp', 'a:/x', 'b:/y']), /copying between containers is not supported/);
    assert.match(await failureOf(1, ['cp', '', `${name}:/`]), /source can not be empty/);
    assert.match(await failureOf(1, ['cp', `${name}:/`, '']), /destination can not be empty/);
    assert.match(await failureOf(1, ['cp', 'no-such-container:/x', '.']), /No such container: no-such-container/i);
    assert.match(await failureOf(1, ['cp', '/etc/passwd', 'no-such-container:/x']), /No such container/i);
  });

  test('the API tells what lies at a path', async (t) => {
    const name = await sleeper(t);
    await inside(
      name,
      'mkdir -m 1777 /t; echo hello > /t/f; chmod 4755 /t/f; ln -s ../t/f /t/l; touch -d @1000000000 /t/f',
    );
    const statAt = async (file: string): Promise<unknown> => {
      const { status, headers } = await api('HEAD', `/containers/${name}/archive?path=${encodeURIComponent(file)}`);
      const header = String(headers['x-docker-container-path-stat'] ?? '');
      return status === 200 ? JSON.parse(Buffer.from(header, 'base64').toString()) : status;
    };
    assert.deepEqual(await statAt('/t/f'), {
      name: 'f',
      size: 6,
      mode: 2 ** 23 + 0o755,
      mtime: '2001-09-09T01:46:40Z',
      linkTarget: '',
    });
    assert.partialDeepStrictEqual(await statAt('/t/'), { name: 't', mode: 2 ** 31 + 2 ** 20 + 0o777 });
    assert.partialDeepStrictEqual(await statAt('/t/l'), { name: 'l', mode: 2 ** 27 + 0o777, linkTarget: '/t/f' });
    assert.partialDeepStrictEqual(await statAt('/t/.'), { name: '.' });
    assert.partialDeepStrictEqual(await statAt('t/../t/f'), { name: 'f' });
    assert.equal(await statAt('/none'), 404);
    assert.equal(await statAt('/proc/version'), 404);
    assert.equal((await api('GET', `/containers/${name}/archive`)).status, 400);
    assert.equal((await api('GET', '/containers/no-such-one/archive?path=/')).status, 404);
    const content = await api('GET', `/containers/${name}/archive?path=/t/f`);
    assert.equal(content.headers['content-type'], 'application/x-tar');
  });
});
