/** What is measured. */
import { attachScenarios } from './attachScenarios.ts';
import { copyScenarios } from './copyScenarios.ts';
import type { Engine } from './engine.ts';
import { logScenarios } from './logScenarios.ts';
import type { Scenario } from './measure.ts';

export interface BenchImages {
  /** A small image with a shell, already in every engine. */
  readonly small: string;
  /** A large one that only the registry has. */
  readonly large: string;
}

export interface ClientPrograms {
  /** The stock docker CLI; undefined where there is none. */
  readonly docker: string | undefined;
  readonly gantry: string;
}

export function scenarios(
  images: BenchImages,
  clients: ClientPrograms,
  floor: () => Promise<void>,
  rounds: number,
): Scenario[] {
  const { docker } = clients;
  return [
    { ...apiRun('API: run and remove true, bridge', images.small, 'bridge', rounds), floor },
    apiRun('API: run and remove true, no network', images.small, 'none', rounds),
    ...(docker === undefined
      ? []
      : [commandRun('docker run --rm true, bridge', docker, images.small, 'bridge', rounds)]),
    ...(docker === undefined
      ? []
      : [commandRun('docker run --rm true, no network', docker, images.small, 'none', rounds)]),
    { ...commandRun('gantry run --rm true, bridge', clients.gantry, images.small, 'bridge', rounds), floor },
    apiExec(images.small, rounds),
    listing(images.small, rounds),
    parallelRuns(images.small, Math.max(2, Math.round(rounds / 4))),
    ...attachScenarios(images.small, clients, rounds),
    ...logScenarios(images.small, clients, rounds),
    ...copyScenarios(images.small, clients, rounds),
    pull(images.large, Math.max(1, Math.round(rounds / 6))),
  ];
}

function apiRun(name: string, image: string, network: string, rounds: number): Scenario {
  return { name, rounds, sample: (engine) => engine.run(image, ['true'], network) };
}

function commandRun(name: string, program: string, image: string, network: string, rounds: number): Scenario {
  const args = ['run', '--rm', '--network', network, image, 'true'];
  return { name, rounds, sample: (engine) => engine.command(program, args) };
}

function apiExec(image: string, rounds: number): Scenario {
  return {
    name: 'API: exec true',
    rounds,
    before: (engine) => sleeping(engine, image),
    sample: (engine, id) => engine.exec(id, ['true']),
    after: (engine, id) => engine.remove(id),
  };
}

function listing(image: string, rounds: number): Scenario {
  return {
    name: 'API: list 100 containers',
    rounds,
    before: async (engine) => {
      const ids: string[] = [];
      for (let index = 0; index < 100; index += 1) ids.push(await engine.create(image, ['true']));
      return ids.join(' ');
    },
    sample: (engine) => engine.call('GET', '/containers/json?all=1').then(() => {}),
    after: async (engine, ids) => {
      for (const id of ids.split(' ')) await engine.remove(id);
    },
  };
}

function parallelRuns(image: string, rounds: number): Scenario {
  return {
    name: 'API: 20 runs at once, bridge',
    rounds,
    sample: async (engine) => {
      await Promise.all(Array.from({ length: 20 }, () => engine.run(image, ['true'])));
    },
  };
}

function pull(image: string, rounds: number): Scenario {
  return {
    name: 'pull of 10 layers, 600 MB, 30,000 files',
    rounds,
    prepare: (engine) => engine.removeImage(image),
    sample: (engine) => engine.pull(image),
    after: (engine) => engine.removeImage(image),
  };
}

/** A container that only waits. */
export async function sleeping(engine: Engine, image: string): Promise<string> {
  const id = await engine.create(image, ['sleep', '3600']);
  await engine.start(id);
  return id;
}
