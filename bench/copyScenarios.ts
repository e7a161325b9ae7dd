/** Copying in and out of a running container through a client program: one large file, and many small ones. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { Engine } from './engine.ts';
import type { Scenario } from './measure.ts';

const largeBytes = 100_000_000;
const smallFiles = 5000;
const smallBytes = 1000;
const mostRounds = 5;

interface Kind {
  readonly name: string;
  readonly make: (directory: string) => void;
}

const kinds: readonly Kind[] = [
  { name: 'a file of 100 MB', make: (source) => writeFileSync(source, Buffer.alloc(largeBytes, 'gantry')) },
  { name: '5,000 files of 1 kB', make: makeMany },
];

export function copyScenarios(
  image: string,
  clients: { readonly docker: string | undefined; readonly gantry: string },
  rounds: number,
): Scenario[] {
  const programs = Object.entries(clients).flatMap(([name, program]) =>
    program === undefined ? [] : [{ name, program }],
  );
  return programs.flatMap(({ name, program }) =>
    kinds.flatMap((kind) => [
      copyScenario(`${name} cp, ${kind.name} in`, program, kind, image, rounds, (engine, id, directory, round) =>
        engine.command(program, ['cp', '-q', path.join(directory, 'source'), `${id}:/in-${round}`]),
      ),
      copyScenario(`${name} cp, ${kind.name} out`, program, kind, image, rounds, (engine, id, directory, round) =>
        engine.command(program, ['cp', '-q', `${id}:/source`, path.join(directory, `out-${round}`)]),
      ),
    ]),
  );
}

const split = (prepared: string): [string, string] => prepared.split(' ') as [string, string];

/** Each round has a place of its own: ext4 makes files slowly, by a factor of ten, for a while after many have been removed. */
type Copy = (engine: Engine, id: string, directory: string, round: number) => Promise<void>;

function copyScenario(name: string, program: string, kind: Kind, image: string, rounds: number, copy: Copy): Scenario {
  let round = 0;
  return {
    name,
    rounds: Math.max(1, Math.min(rounds, mostRounds)),
    before: async (engine) => {
      const directory = mkdtempSync(path.join(tmpdir(), 'gantry-bench-'));
      kind.make(path.join(directory, 'source'));
      const id = await engine.create(image, ['sleep', '3600']);
      await engine.start(id);
      await engine.command(program, ['cp', '-q', path.join(directory, 'source'), `${id}:/source`]);
      return `${id} ${directory}`;
    },
    sample: (engine, prepared) => copy(engine, ...split(prepared), round++),
    after: async (engine, prepared) => {
      const [id, directory] = split(prepared);
      rmSync(directory, { recursive: true, force: true });
      await engine.remove(id);
    },
  };
}

function makeMany(source: string): void {
  for (let index = 0; index < smallFiles; index += 1) {
    const directory = path.join(source, String(index % 50));
    mkdirSync(directory, { recursive: true });
    writeFileSync(path.join(directory, `file-${index}`), Buffer.alloc(smallBytes, 'x'));
  }
}
