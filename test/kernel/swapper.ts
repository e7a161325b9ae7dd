/** Entry of a thread that exchanges two names for as long as it lives: what a container does to whoever walks its files. */
import { parentPort, workerData } from 'node:worker_threads';

import { libc } from '../../src/linux/index.ts';

const rename = libc.func('int renameat2(int, const char *, int, const char *, unsigned int)');
const currentDirectory = -100;
const exchange = 2;

const { one, other } = workerData as { readonly one: string; readonly other: string };
let isOver = false;
parentPort?.on('message', () => {
  isOver = true;
});

function turn(): void {
  for (let count = 0; count < 2000; count++) rename(currentDirectory, one, currentDirectory, other, exchange);
  if (isOver) parentPort?.close();
  else setImmediate(turn);
}

turn();
parentPort?.postMessage('begun');
