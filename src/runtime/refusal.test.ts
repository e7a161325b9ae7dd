import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { refusalOf } from './refusal.ts';

const frame = (cause: string): string =>
  `failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: ${cause}: unknown`;

const runc = (message: string): string => `time="2024-01-01T00:00:00Z" level=error msg=${JSON.stringify(message)}\n`;

const missing = (name: string): string => `executable file \`${name}\` not found in $PATH: No such file or directory\n`;

const run = (runtimeName: string, program: string, log: string): readonly [string, number] => {
  const { message, exitCode } = refusalOf({ runtimeName, operation: 'run', program, log });
  return [message, exitCode];
};

describe('refusalOf', () => {
  it('says of a missing program what Docker says, whichever runtime refused it', () => {
    const inPath = [frame('exec: "nope": executable file not found in $PATH'), 127];
    const atPath = [frame('exec: "/x/y": stat /x/y: no such file or directory'), 127];
    assert.deepEqual(run('crun', 'nope', missing('nope')), inPath);
    assert.deepEqual(run('crun', '/x/y', missing('/x/y')), atPath);
    const failed = 'runc run failed: unable to start container process: exec:';
    assert.deepEqual(run('runc', 'nope', runc(`${failed} "nope": executable file not found in $PATH`)), inPath);
    assert.deepEqual(run('runc', '/x/y', runc(`${failed} "/x/y": stat /x/y: no such file or directory`)), atPath);
  });

  it('tells programs that cannot be run from missing ones', () => {
    assert.deepEqual(run('crun', '/f', 'open executable: Permission denied'), [
      frame('exec: "/f": permission denied'),
      126,
    ]);
    assert.deepEqual(run('crun', '/d', 'open executable: Operation not permitted'), [
      frame('exec: "/d": is a directory'),
      126,
    ]);
  });

  it('passes other complaints on, past warnings, in any form that runtimes write', () => {
    const [message, exitCode] = run('crun', 'x', '{"msg":"setrlimit `RLIMIT_NOFILE`: busy","level":"error"}\n');
    assert.match(message, /OCI runtime create failed: crun: setrlimit `RLIMIT_NOFILE`: busy: unknown$/);
    assert.equal(exitCode, 128);
    assert.match(run('runc', 'x', `${runc('why')}time="x" level=warning msg="lame"\n`)[0], /runc: why: unknown$/);
    const coloured = '\u001B[1;31m2026-01-01T00:00:00.000000Z: busy\u001B[0m\n';
    assert.match(run('crun', 'x', coloured)[0], / crun: busy: unknown$/);
    assert.match(run('crun', 'x', '')[0], /crun: it was killed/);
  });

  it('frames an exec as Docker does', () => {
    const { message } = refusalOf({
      runtimeName: 'crun',
      operation: 'exec',
      program: 'nope',
      log: 'executable file `nope` not found in $PATH: No such file or directory',
    });
    assert.equal(
      message,
      'OCI runtime exec failed: exec failed: unable to start container process: exec: "nope": executable file not found in $PATH: unknown',
    );
  });
});
