import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import * as fc from 'fast-check';

import { terminalTail, withoutPieceEnds } from './terminalTail.ts';

function logOf(t: TestContext, text: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'gantry-tail-'));
  t.after(() => rmSync(dir, { recursive: true }));
  writeFileSync(join(dir, 'log'), text);
  return join(dir, 'log');
}

test('the newline after each piece is taken away again', (t) => {
  const output = `${'x'.repeat(300)}${'y'.repeat(300)}`;
  const pieces = [output.slice(0, 255), output.slice(255, 510), output.slice(510)];
  const log = logOf(t, pieces.map((piece) => `${piece}\n`).join(''));
  assert.equal(terminalTail(log).toString(), output);
});

test('pieces of any length are joined, wherever a line is cut', () => {
  const lines = fc.array(fc.string({ unit: 'grapheme-ascii' }), { minLength: 1, maxLength: 40 });
  const cuts = fc.array(fc.integer({ min: 1, max: 255 }), { minLength: 1 });
  fc.assert(
    fc.property(lines, cuts, (words, lengths) => {
      const output = words.map((word) => `${word}\r\n`).join('');
      const pieces: string[] = [];
      for (let at = 0, turn = 0; at < output.length; turn++) {
        const length = lengths[turn % lengths.length] ?? 1;
        pieces.push(output.slice(at, at + length));
        at += length;
      }
      const log = pieces.map((piece) => `${piece}\n`).join('');
      assert.equal(withoutPieceEnds(Buffer.from(log)).toString(), output);
    }),
  );
});

test('a short rest ends as it was written', (t) => {
  assert.equal(terminalTail(logOf(t, '/dev/pts/0\r\n\n')).toString(), '/dev/pts/0\r\n');
  assert.equal(terminalTail(logOf(t, 'prompt> \n')).toString(), 'prompt> ');
});

test('a piece that is exactly full keeps its last byte', (t) => {
  const output = `${'z'.repeat(254)}\n`;
  assert.equal(terminalTail(logOf(t, `${output}\n`)).toString(), output);
});

test('messages of a runtime and a missing log are no output', (t) => {
  assert.equal(terminalTail(logOf(t, 'time="2026-01-01T00:00:00Z" level=warning msg="x"\n')).length, 0);
  assert.equal(terminalTail(logOf(t, '{"msg":"x"}\n')).length, 0);
  assert.equal(terminalTail(logOf(t, '')).length, 0);
  assert.equal(terminalTail('/nonexistent/log').length, 0);
});
