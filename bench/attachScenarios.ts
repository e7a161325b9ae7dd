/** An attached run: 200 MB in lines of 100 bytes through a client program while they go into the log, every byte compared. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

import type { Engine } from './engine.ts';
import { type Clients, clientPrograms, forgetPeaks, lineText, logBytes, tellPeaks } from './logScenarios.ts';
import type { Scenario } from './measure.ts';

const mostRounds = 5;
const line = `${lineText}\n`;
/** What the client must print, longer than any chunk of it. */
const expected = Buffer.from(line.repeat(20_000));

export function attachScenarios(image: string, clients: Clients, rounds: number): Scenario[] {
  return clientPrograms(clients).map(([name, program]) => ({
    name: `${name} run attached, 200 MB to client and log`,
    rounds: Math.max(1, Math.min(rounds, mostRounds)),
    prepare: async (engine) => forgetPeaks(engine),
    sample: (engine) => runAttached(engine, program, image),
    after: async (engine) => tellPeaks(engine),
  }));
}

async function runAttached(engine: Engine, program: string, image: string): Promise<void> {
  const script = `yes ${lineText} | head -c ${logBytes}`;
  const options = ['--rm', '--network', 'none', '--log-driver', 'json-file', '--log-opt', 'max-size=2g'];
  const env = { ...process.env, DOCKER_HOST: engine.host };
  const child = spawn(program, ['run', ...options, image, 'sh', '-c', script], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let bytes = 0;
  let isWrong = false;
  child.stdout.on('data', (data: Buffer) => {
    const offset = bytes % line.length;
    isWrong ||= expected.compare(data, 0, data.length, offset, offset + data.length) !== 0;
    bytes += data.length;
  });
  await once(child, 'close');
  if (bytes !== logBytes || isWrong) {
    throw new Error(`${engine.name}: an attached ${program} printed ${bytes} bytes of ${logBytes}, or others`);
  }
}
