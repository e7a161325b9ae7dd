import assert from 'node:assert/strict';
import { it } from 'node:test';

import { exactJson } from './exactJson.ts';

it('writes large numbers in full and the largest of 64 bits for what is above', () => {
  assert.equal(
    exactJson({ page: 9223372036854771712, most: 2 ** 64, small: 12, text: '9', none: null }),
    '{"page":9223372036854771712,"most":18446744073709551615,"small":12,"text":"9","none":null}',
  );
});
