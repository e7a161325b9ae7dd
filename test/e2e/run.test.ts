import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite, test, type TestContext } from 'node:test';

import { helloText } from '../fixtures/images.ts';
import {
  alpine,
  background,
  docker,
  failureOf,
  inspect,
  library,
  reserve,
  stdoutOf,
  uniqueName,
  variant,
} from './harness.ts';

function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'gantry-e2e-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

suite('run', { concurrency: 3 }, () => {
  test('marks the root of a container', async () => {
    assert.equal(await alpine([], 'sh', '-c', 'test -f /.dockerenv && echo marked'), 'marked');
  });

  test('has a table of mounts where older programs look for it, which is no change', async (t) => {
    const name = reserve(t);
    assert.equal(await stdoutOf(['run', '--name', name, library('alpine'), 'readlink', '/etc/mtab']), '/proc/mounts');
    assert.equal(await stdoutOf(['diff', name]), '');
  });

  test('prints what the process prints', async () => {
    assert.deepEqual((await alpine([], 'ls', '/')).split('\n').slice(0, 4), ['bin', 'dev', 'etc', 'home']);
  });

  test('keeps stdout and stderr apart', async () => {
    const result = await docker(['run', '--rm', library('alpine'), 'sh', '-c', 'echo out; echo err >&2']);
    assert.deepEqual([result.stdout, result.stderr, result.code], ['out\n', 'err\n', 0]);
  });

  test('pulls an image that is not there', async (t) => {
    await docker(['rmi', '-f', variant('entrypoint')]);
    const result = await docker(['run', '--rm', '--name', reserve(t), variant('entrypoint')]);
    assert.equal(result.stdout, 'from-entrypoint from-cmd\n');
    assert.match(result.stderr, /^Unable to find image '.*entrypoint:latest' locally\n/);
  });

  test("exits with the container's status", async () => {
    for (const code of [0, 3, 200]) {
      const result = await docker(['run', '--rm', library('alpine'), 'sh', '-c', `exit ${code}`]);
      assert.equal(result.code, code, result.stderr);
    }
  });

  test('a process that a signal ended gives 128 and the signal', async () => {
    await failureOf(137, ['run', '--rm', library('alpine'), 'sh', '-c', 'sh -c "kill -9 \\$\\$"; exit $?']);
  });

  test('a missing executable is 127, says so, and leaves no running container', async (t) => {
    const name = reserve(t);
    const stderr = await failureOf(127, ['run', '--name', name, library('alpine'), 'no-such-program']);
    assert.match(stderr, /exec: "no-such-program": executable file not found in \$PATH/);
    assert.equal(await inspect(name, '{{.State.Status}} {{.State.ExitCode}}'), 'created 127');
    assert.match(await inspect(name, '{{.State.Error}}'), /executable file not found in \$PATH/);
    const path = await failureOf(127, ['run', '--rm', library('alpine'), '/no/such/program']);
    assert.match(path, /\/no\/such\/program.*no such file or directory/);
  });

  test('a file that is not executable is 126', async () => {
    assert.match(await failureOf(126, ['run', '--rm', library('alpine'), '/etc/not-executable']), /permission denied/);
    assert.match(await failureOf(126, ['run', '--rm', library('alpine'), '/etc']), /permission denied|is a directory/);
  });

  test('hello-world greets, and has no ls', async () => {
    assert.equal(await stdoutOf(['run', '--rm', library('hello-world')]), helloText);
    assert.match(
      await failureOf(127, ['run', '--rm', library('hello-world'), 'ls']),
      /exec: "ls": executable file not found in \$PATH/,
    );
  });

  test('what the daemon refuses is 125', async (t) => {
    const name = await background(t, [], 'sleep', '300');
    assert.match(
      await failureOf(125, ['run', '--name', name, library('alpine')]),
      /Conflict\. The container name "\/.*" is already in use by container "[0-9a-f]{64}"/,
    );
    assert.match(
      await failureOf(125, ['run', '--rm', '--network', 'no-such-network', library('alpine')]),
      /network no-such-network not found/,
    );
  });

  test('-d prints the id, and the container runs on', async (t) => {
    const name = reserve(t);
    const id = await stdoutOf(['run', '-d', '--name', name, library('alpine'), 'sleep', '300']);
    assert.match(id, /^[0-9a-f]{64}$/);
    assert.equal(await inspect(id.slice(0, 7), '{{.State.Running}} {{.Name}}'), `true /${name}`);
  });

  test('--rm removes the container with its end', async () => {
    const name = uniqueName();
    await stdoutOf(['run', '--rm', '--name', name, library('alpine'), 'true']);
    assert.match(await failureOf(1, ['inspect', '--type', 'container', name]), /[Nn]o such container/);
  });

  test('ENTRYPOINT stays and CMD is replaced; --entrypoint replaces both', async (t) => {
    await stdoutOf(['pull', '-q', variant('entrypoint')]);
    const print = (...args: string[]) => stdoutOf(['run', '--rm', '--name', reserve(t), ...args]);
    assert.equal(await print(variant('entrypoint')), 'from-entrypoint from-cmd');
    assert.equal(await print(variant('entrypoint'), 'mine'), 'from-entrypoint mine');
    assert.equal(await print('--entrypoint', 'echo', variant('entrypoint')), '');
    assert.equal(await print('--entrypoint', 'echo', variant('entrypoint'), 'only'), 'only');
  });

  test('no command anywhere is refused', async () => {
    const stderr = await failureOf(125, ['run', '--rm', '--entrypoint', '', library('alpine')]);
    assert.match(stderr, /no command specified/i);
  });

  test('-e, --env-file and the client environment', async (t) => {
    const file = path.join(temporaryDirectory(t), 'env');
    writeFileSync(file, '# comment\nFROM_FILE=a b\nPASSED\n\n');
    const env = { PASSED: 'through', ALSO: 'too' };
    const command = [
      'run',
      '--rm',
      '-e',
      'SET=1=2',
      '-e',
      'ALSO',
      '-e',
      'UNSET',
      '--env-file',
      file,
      library('alpine'),
      'env',
    ];
    const lines = (await stdoutOf(command, { env })).split('\n');
    for (const line of ['SET=1=2', 'ALSO=too', 'FROM_FILE=a b', 'PASSED=through', 'HOME=/root'])
      assert.ok(lines.includes(line), line);
    assert.ok(lines.some((line) => line.startsWith('PATH=/usr/local/sbin')));
    assert.ok(lines.some((line) => /^HOSTNAME=[0-9a-f]{12}$/.test(line)));
    assert.ok(!lines.some((line) => line.startsWith('UNSET')));
  });

  test('-w sets the directory and makes it', async () => {
    assert.equal(await alpine(['-w', '/made/on/the/way'], 'pwd'), '/made/on/the/way');
  });

  test('-u takes names and numbers of the image', async () => {
    assert.equal(
      await alpine(['-u', 'worker'], 'id'),
      'uid=1000(worker) gid=1000(worker) groups=1000(worker),2000(helpers)',
    );
    assert.equal(await alpine(['-u', '1234:4321'], 'sh', '-c', 'id -u; id -g'), '1234\n4321');
    assert.equal(await alpine(['-u', 'worker:helpers'], 'sh', '-c', 'id -g; echo $HOME'), '2000\n/home/worker');
    assert.match(
      await failureOf(125, ['run', '--rm', '-u', 'stranger', library('alpine'), 'id']),
      /unable to find user stranger/,
    );
  });

  test('-h sets the hostname in the kernel and in the files', async () => {
    assert.equal(
      await alpine(
        ['-h', 'tested.example'],
        'sh',
        '-c',
        'hostname; cat /etc/hostname; grep -c tested.example /etc/hosts',
      ),
      'tested.example\ntested.example\n1',
    );
  });

  test('-l and --label-file are kept and filtered by', async (t) => {
    const name = reserve(t);
    const mark = uniqueName('label');
    await stdoutOf(['create', '--name', name, '-l', `${mark}=x=y`, '-l', 'bare', library('alpine')]);
    assert.equal(await inspect(name, `{{index .Config.Labels "${mark}"}}|{{index .Config.Labels "bare"}}`), 'x=y|');
    assert.equal(await stdoutOf(['ps', '-a', '--filter', `label=${mark}=x=y`, '--format', '{{.Names}}']), name);
    assert.equal(await stdoutOf(['ps', '-a', '--filter', `label=${mark}=other`, '--format', '{{.Names}}']), '');
  });

  test('--read-only makes the root so, and leaves what must be writable', async () => {
    const script = 'touch /file 2>&1; touch /dev/shm/file && echo shm';
    assert.match(await alpine(['--read-only'], 'sh', '-c', script), /Read-only file system\nshm$/);
  });

  test('-v binds a directory, both ways or read-only', async (t) => {
    const directory = temporaryDirectory(t);
    writeFileSync(path.join(directory, 'in'), 'from outside\n');
    assert.equal(
      await alpine(['-v', `${directory}:/mnt/bound`], 'sh', '-c', 'cat /mnt/bound/in; echo back > /mnt/bound/out'),
      'from outside',
    );
    assert.equal(readFileSync(path.join(directory, 'out'), 'utf8'), 'back\n');
    assert.match(
      await alpine(['-v', `${directory}:/mnt/bound:ro`], 'sh', '-c', 'touch /mnt/bound/no 2>&1; cat /mnt/bound/in'),
      /Read-only file system\nfrom outside/,
    );
    assert.equal(await alpine(['-v', `${directory}/in:/etc/a-file:ro`], 'cat', '/etc/a-file'), 'from outside');
  });

  test('-v makes a missing host directory; --mount refuses it', async (t) => {
    const missing = path.join(temporaryDirectory(t), 'made');
    assert.equal(await alpine(['-v', `${missing}:/mnt/x`], 'ls', '-A', '/mnt/x'), '');
    assert.match(
      await failureOf(125, ['run', '--rm', '--mount', `type=bind,src=${missing}/not,dst=/x`, library('alpine'), 'ls']),
      /bind source path does not exist/,
    );
  });

  test('a changed root stays with its container through a restart', async (t) => {
    const name = reserve(t);
    const script = '[ -e /kept ] && echo kept; touch /kept';
    assert.equal(await stdoutOf(['run', '--name', name, library('alpine'), 'sh', '-c', script]), '');
    assert.equal(await stdoutOf(['start', '-a', name]), 'kept');
  });

  test('create then start -a is run', async (t) => {
    const name = reserve(t);
    const id = await stdoutOf(['create', '--name', name, library('alpine'), 'sh', '-c', 'echo started; exit 5']);
    assert.match(id, /^[0-9a-f]{64}$/);
    const result = await docker(['start', '-a', name]);
    assert.deepEqual([result.stdout, result.code], ['started\n', 5]);
  });

  test('a name is made when none is given', async (t) => {
    const id = await stdoutOf(['create', library('alpine')]);
    t.after(() => docker(['rm', id]));
    assert.match(await inspect(id, '{{.Name}}'), /^\/[a-z]+_[a-z]+\d*$/);
  });

  test('20 containers run at once', async () => {
    const outputs = await Promise.all(Array.from({ length: 20 }, (_, index) => alpine([], 'echo', `number ${index}`)));
    assert.deepEqual(
      outputs,
      Array.from({ length: 20 }, (_, index) => `number ${index}`),
    );
  });
});
