import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { forTerminal } from './terminalOutput.ts';

/** What comes out of a terminal's post-processing (termios OPOST and ONLCR). */
function postProcessed(text: string): string {
  return text.replaceAll('\n', '\r\n');
}

/** Down a line is down a line; what has returned to the margin stays there. */
function meaning(text: string): string {
  return text.replaceAll('\v', '\n').replaceAll(/\r+/g, '\r');
}

async function shown(chunks: readonly string[]): Promise<string> {
  const source = (async function* () {
    for (const chunk of chunks) yield Buffer.from(chunk, 'latin1');
  })();
  const written = await Array.fromAsync(forTerminal(source));
  return postProcessed(Buffer.concat(written).toString('latin1'));
}

test('lines come out with one carriage return, bare line feeds without any', async () => {
  assert.equal(await shown(['one\r\n\r\ntwo\r\n# ']), 'one\r\n\r\ntwo\r\n# ');
  assert.equal(await shown(['a\nb\n\n\r\r\nc']), 'a\vb\v\v\r\r\nc');
  assert.equal(await shown(['no line feed', '', '\x1b[6n']), 'no line feed\x1b[6n');
});

test('however the output is cut, the terminal does the same', async () => {
  const pieces = fc.array(fc.stringMatching(/^[a\r\n]*$/));
  await fc.assert(
    fc.asyncProperty(pieces, async (chunks) => {
      assert.equal(meaning(await shown(chunks)), meaning(chunks.join('')));
    }),
  );
});
