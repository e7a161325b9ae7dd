import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite, test, type TestContext } from 'node:test';

import { eventually } from '../support/run.ts';
import { api, docker, dockerInBackground, library, reserve, stdoutOf, uniqueName } from './harness.ts';

interface Event {
  readonly Type: string;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Record<string, string> };
  readonly status?: string;
  readonly id?: string;
  readonly from?: string;
  readonly scope: string;
  readonly time: number;
  readonly timeNano: number;
}

/** Whatever the daemon tells from now on. */
async function listen(t: TestContext): Promise<() => Event[]> {
  const listener = dockerInBackground(t, ['events', '--format', '{{json .}}']);
  const name = uniqueName('events');
  await eventually('the listener hears', async () => {
    await stdoutOf(['rm', await stdoutOf(['create', '--name', name, library('alpine')])]);
    return listener.stdout.includes(name);
  });
  return () =>
    listener.stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Event);
}

/** An event in few words: the action, and the attributes that are not the same in all of a container's. */
function brief({ Action, Actor }: Event): string {
  const { image: _image, name: _name, tier: _tier, execDuration: _duration, ...rest } = Actor.Attributes;
  const told = Object.entries(rest).map(
    ([key, value]) => `${key}=${/^(sha256:)?[0-9a-f]{64}$/.test(value) ? 'ID' : value}`,
  );
  return [Action, ...told.sort()].join(' ');
}

const script = 'trap "exit 5" USR1; trap "" HUP; while :; do sleep 0.05; done';
const connected = 'connect container=ID type=bridge';
const disconnected = 'disconnect container=ID type=bridge';

suite('events', { concurrency: 3 }, () => {
  test('one whole life is told in order', async (t) => {
    const heard = await listen(t);
    const name = reserve(t);
    const renamed = reserve(t);
    const options = ['--name', name, '-l', 'tier=front', '--stop-signal', 'USR1', '-t'];
    const id = await stdoutOf(['create', ...options, library('alpine'), 'sh', '-c', script]);
    const has = (action: string, times = 1) =>
      eventually(
        `${action} is heard`,
        () => heard().filter(({ Actor, Action }) => Actor.ID === id && Action === action).length >= times,
      );
    await stdoutOf(['start', name]);
    await stdoutOf(['exec', name, 'echo', 'a', 'b']);
    await stdoutOf(['exec', '-d', name, 'true']);
    await has('exec_die', 2);
    await docker(['exec', name, '/no/such']);
    await stdoutOf(['top', name]);
    await api('POST', `/containers/${id}/resize?h=30&w=90`);
    await stdoutOf(['pause', name]);
    await stdoutOf(['unpause', name]);
    await stdoutOf(['rename', name, renamed]);
    await stdoutOf(['kill', '-s', 'HUP', renamed]);
    await stdoutOf(['restart', renamed]);
    const attached = dockerInBackground(t, ['attach', '--no-stdin', renamed]);
    await has('attach');
    await stdoutOf(['stop', renamed]);
    await attached.ended;
    await stdoutOf(['start', renamed]);
    await stdoutOf(['kill', renamed]);
    await stdoutOf(['wait', renamed]);
    await stdoutOf(['rm', renamed]);
    await has('destroy');
    const mine = heard().filter(({ Actor }) => Actor.ID === id || Actor.Attributes['container'] === id);
    assert.deepEqual(mine.filter(({ Type }) => Type === 'container').map(brief), [
      'create',
      'start',
      'exec_create: echo a b execID=ID',
      'exec_start: echo a b execID=ID',
      'exec_die execID=ID exitCode=0',
      'exec_create: true  execID=ID',
      'exec_start: true  execID=ID',
      'exec_die execID=ID exitCode=0',
      'exec_create: /no/such  execID=ID',
      'exec_start: /no/such  execID=ID',
      'top',
      'resize height=30 width=90',
      'pause',
      'unpause',
      `rename oldName=/${name}`,
      'kill signal=1',
      'kill signal=10',
      'die exitCode=5',
      'stop',
      'start',
      'restart',
      'attach',
      'kill signal=10',
      'die exitCode=5',
      'stop',
      'start',
      'kill signal=9',
      'die exitCode=137',
      'destroy',
    ]);
    const networks = mine.filter(({ Type }) => Type === 'network').map(brief);
    assert.deepEqual(networks, [connected, disconnected, connected, disconnected, connected, disconnected]);
    checkShape(mine, id, renamed);
  });

  test('what is done to the files and the limits of a container is told', async (t) => {
    const heard = await listen(t);
    const name = reserve(t);
    const tag = `${uniqueName('image')}:x`;
    const directory = mkdtempSync(path.join(tmpdir(), 'gantry-events-'));
    t.after(() => rmSync(directory, { recursive: true }));
    t.after(() => docker(['rmi', '-f', tag]));
    writeFileSync(path.join(directory, 'file'), '');
    const id = await stdoutOf(['create', '--name', name, '-l', 'tier=front', library('alpine'), 'true']);
    await stdoutOf(['cp', path.join(directory, 'file'), `${name}:/file`]);
    await stdoutOf(['cp', `${name}:/file`, path.join(directory, 'back')]);
    await stdoutOf(['export', '-o', path.join(directory, 'tar'), name]);
    await stdoutOf(['update', '--restart', 'always', name]);
    const image = await stdoutOf(['commit', '-m', 'why', name, tag]);
    await stdoutOf(['rmi', tag]);
    await stdoutOf(['rm', name]);
    await eventually('the end is heard', () =>
      heard().some(({ Actor, Action }) => Actor.ID === id && Action === 'destroy'),
    );
    const told = heard()
      .filter(({ Actor }) => Actor.ID === id)
      .map(brief);
    assert.deepEqual(told, [
      'create',
      'extract-to-dir',
      'archive-path',
      'export',
      'update',
      `commit comment=why imageID=ID imageRef=${tag}`,
      'destroy',
    ]);
    const images = heard().filter(({ Actor }) => Actor.ID === image);
    assert.deepEqual(
      images.map(({ Action, Actor }) => [Action, Actor.Attributes]),
      [
        ['tag', { name: tag, tier: 'front' }],
        ['untag', { name: image, tier: 'front' }],
        ['delete', { name: image }],
      ],
    );
  });

  test('containers that are removed at once, refused, killed or on other networks', async (t) => {
    const heard = await listen(t);
    const lifeOf = async (options: readonly string[], ...command: string[]): Promise<string[]> => {
      const name = reserve(t);
      await docker(['run', '--name', name, ...options, library('alpine'), ...command]);
      await docker(['rm', '-f', name]);
      const own = () => heard().filter(({ Actor }) => Actor.Attributes['name'] === name);
      await eventually('its removal is heard', () => own().some(({ Action }) => Action === 'destroy'));
      const id = own()[0]?.Actor.ID;
      const net = heard().filter(({ Actor }) => Actor.Attributes['container'] === id);
      return [
        ...own().map(brief),
        ...net.map(({ Action, Actor }) => `${Action} ${Actor.Attributes['name']} ${Actor.Attributes['type']}`),
      ];
    };
    assert.deepEqual(await lifeOf(['--rm', '--network', 'host'], 'true'), [
      'create',
      'attach',
      'start',
      'die exitCode=0',
      'destroy',
      'connect host host',
      'disconnect host host',
    ]);
    assert.deepEqual(await lifeOf(['--network', 'none'], 'sh', '-c', 'exit 3'), [
      'create',
      'attach',
      'start',
      'die exitCode=3',
      'destroy',
      'connect none null',
      'disconnect none null',
    ]);
    assert.deepEqual(await lifeOf([], '/no/such'), [
      'create',
      'attach',
      'destroy',
      'connect bridge bridge',
      'disconnect bridge bridge',
    ]);
    assert.deepEqual(await lifeOf(['-d', '--network', 'none'], 'sleep', '300'), [
      'create',
      'start',
      'kill signal=9',
      'die exitCode=137',
      'destroy',
      'connect none null',
      'disconnect none null',
    ]);
  });

  test('filters and times choose', async (t) => {
    const heard = await listen(t);
    const label = uniqueName('label');
    const [one, other] = [reserve(t), reserve(t)];
    await stdoutOf(['create', '--name', one, '-l', label, library('alpine')]);
    await stdoutOf(['create', '--name', other, '-l', `${label}=two`, library('alpine')]);
    await stdoutOf(['rename', one, `${one}x`]);
    for (const name of [`${one}x`, other]) await stdoutOf(['rm', name]);
    const mine = () => heard().filter(({ Actor }) => Object.hasOwn(Actor.Attributes, label));
    await eventually('all are heard', () => mine().length === 5);
    const [first, second, third] = mine();
    assert.ok(first && second && third);
    const ask = async (...filters: string[]): Promise<string[]> => {
      const chosen = filters.flatMap((filter) => ['--filter', filter]);
      const told = await stdoutOf([
        'events',
        ...window,
        ...chosen,
        '--format',
        '{{.Action}} {{.Actor.Attributes.name}}',
      ]);
      return told === '' ? [] : told.split('\n');
    };
    let window = ['--since', new Date(first.time * 1000 - 1000).toISOString(), '--until', afterAll(first)];
    const all = [`create ${one}`, `create ${other}`, `rename ${one}x`, `destroy ${one}x`, `destroy ${other}`];
    assert.deepEqual(await ask(`label=${label}`), all);
    assert.deepEqual(await ask(`label=${label}=two`), [all[1], all[4]]);
    assert.deepEqual(await ask(`label=${label}`, 'event=create'), all.slice(0, 2));
    assert.deepEqual(await ask(`label=${label}`, 'event=create', 'event=rename'), all.slice(0, 3));
    assert.deepEqual(await ask(`container=${first.Actor.ID.slice(0, 20)}`), [all[0], all[2], all[3]]);
    assert.deepEqual(await ask(`label=${label}`, `image=${library('alpine')}`, 'event=destroy'), all.slice(3));
    assert.deepEqual(await ask(`label=${label}`, 'type=image'), []);
    assert.deepEqual(await ask(`label=${label}`, 'scope=swarm'), []);
    window = ['--since', exactTime(third), '--until', afterAll(first)];
    const later = await ask(`label=${label}`);
    // a nanosecond that JSON's numbers cannot tell may be the one that decides
    assert.deepEqual(later.slice(-2), all.slice(3));
    assert.ok(later.length <= 3);
    window = ['--since', '1h', '--until', '30m'];
    assert.deepEqual(await ask(`label=${label}`), []);
  });
});

/** The time of an event as the API takes it. */
function exactTime({ timeNano }: Event): string {
  return `${Math.floor(timeNano / 1e9)}.${String(timeNano % 1e9).padStart(9, '0')}`;
}

/** A time after all that happened within some seconds. */
function afterAll({ time }: Event): string {
  return String(Math.max(time + 1, Math.ceil(Date.now() / 1000)));
}

/** What every event of a container has, old clients' fields included. */
function checkShape(events: readonly Event[], id: string, lastName: string): void {
  for (const [at, event] of events.entries()) {
    assert.equal(event.scope, 'local');
    assert.equal(event.time, Math.floor(event.timeNano / 1e9));
    assert.ok(at === 0 || event.timeNano >= (events[at - 1]?.timeNano ?? 0));
    if (event.Type !== 'container') continue;
    assert.deepEqual([event.status, event.id, event.from], [event.Action, id, library('alpine')]);
    assert.equal(event.Actor.Attributes['image'], library('alpine'));
    assert.equal(event.Actor.Attributes['tier'], 'front');
  }
  assert.equal(events.findLast(({ Type }) => Type === 'container')?.Actor.Attributes['name'], lastName);
}
