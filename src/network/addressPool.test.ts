import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import * as fc from 'fast-check';

import { isKind } from '../base/index.ts';
import { addressPool, formatAddress, overlaps, parseAddress, subnetOf } from './addressPool.ts';

describe('addressPool', () => {
  it('gives the lowest free address, without network, gateway and broadcast', () => {
    const pool = addressPool('10.0.0.1/29', ['10.0.0.1']);
    const all = Array.from({ length: 6 }, () => pool.allocate());
    assert.deepEqual(all, ['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6', undefined]);
    pool.release('10.0.0.5');
    pool.release('10.0.0.3');
    assert.equal(pool.allocate(), '10.0.0.3');
    assert.equal(pool.allocate(), '10.0.0.5');
  });

  it('never gives back what was never given', () => {
    const pool = addressPool('10.0.0.1/30', ['10.0.0.1']);
    for (const address of ['10.0.0.0', '10.0.0.1', '10.0.0.3', '10.0.1.2']) pool.release(address);
    assert.deepEqual([pool.allocate(), pool.allocate()], ['10.0.0.2', undefined]);
  });

  it('reserves a host address once', () => {
    const pool = addressPool('172.17.0.1/16', ['172.17.0.1']);
    assert.equal(pool.reserve('172.17.255.254'), true);
    assert.equal(pool.reserve('172.17.255.254'), false);
    assert.equal(pool.reserve('172.17.255.255'), false);
    assert.equal(pool.reserve('172.18.0.2'), false);
    assert.equal(pool.reserve('172.17.0.1'), false);
  });

  it('agrees with a plain set, whatever is done to it', () => {
    const step = fc.oneof(
      fc.constant({ do: 'allocate' as const, offset: 0 }),
      fc.record({
        do: fc.constantFrom('reserve' as const, 'release' as const),
        offset: fc.integer({ min: 0, max: 63 }),
      }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const pool = addressPool('192.168.7.0/26', ['192.168.7.1']);
        const free = new Set(Array.from({ length: 61 }, (_, at) => at + 2));
        for (const { do: deed, offset } of steps) {
          const address = `192.168.7.${offset}`;
          if (deed === 'allocate') {
            const lowest = free.size === 0 ? undefined : Math.min(...free);
            assert.equal(pool.allocate(), lowest === undefined ? undefined : `192.168.7.${lowest}`);
            if (lowest !== undefined) free.delete(lowest);
          } else if (deed === 'reserve') {
            assert.equal(pool.reserve(address), free.delete(offset));
          } else {
            pool.release(address);
            if (offset >= 2 && offset <= 62) free.add(offset);
          }
        }
      }),
    );
  });

  it('refuses a subnet without room for hosts, and what is no subnet', () => {
    for (const cidr of ['10.0.0.0/31', '10.0.0.0/32', '10.0.0.0/0', '10.0.0.0/33', '10.0.0/8', '010.0.0.1/8', 'x']) {
      assert.throws(
        () => addressPool(cidr),
        (error) => isKind(error, 'invalid'),
        cidr,
      );
    }
  });
});

describe('addresses', () => {
  it('keep their text', () => {
    fc.assert(fc.property(fc.ipV4(), (text) => formatAddress(parseAddress(text)) === text));
  });

  it('overlap when one subnet lies in the other', () => {
    assert.equal(overlaps(subnetOf('172.17.0.0/16'), subnetOf('172.16.0.0/12')), true);
    assert.equal(overlaps(subnetOf('172.17.4.0/24'), subnetOf('172.17.0.0/16')), true);
    assert.equal(overlaps(subnetOf('172.18.0.0/16'), subnetOf('172.17.0.0/16')), false);
    assert.equal(overlaps(subnetOf('255.255.255.0/24'), subnetOf('128.0.0.0/1')), true);
  });
});
