import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import * as fc from 'fast-check';

import {
  attribute,
  attributeText,
  attributeU32,
  decodeAcknowledgement,
  decodeAttributes,
  decodeMessages,
  encodeRequests,
  nested,
  u32,
  zeroTerminated,
} from './netlink.ts';
import {
  addAddress,
  addDefaultRoute,
  addVeth,
  decodeAddress,
  decodeLink,
  decodeRoute,
  deleteLinkGroup,
  setLinkUp,
} from './rtnetlink.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('netlink encoding', () => {
  it('pads attributes to four bytes and leaves the padding out of their length', () => {
    assert.equal(hex(attribute(3, zeroTerminated('eth0'))), '090003006574683000000000');
  });

  it('numbers requests and asks for an acknowledgement of each', () => {
    const request = { label: 'x', type: 16, flags: 0x400, body: Buffer.from('abcd') };
    assert.equal(
      hex(encodeRequests([request, request], 7)),
      ['14000000', '1000', '0504', '07000000', '00000000', '61626364'].join('') +
        ['14000000', '1000', '0504', '08000000', '00000000', '61626364'].join(''),
    );
  });

  it('gives back what was put in', () => {
    const parts = fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 1000 }), fc.uint8Array({ maxLength: 100 })), {
      selector: ([type]) => type,
    });
    fc.assert(
      fc.property(parts, (attributes) => {
        const bytes = Buffer.concat(attributes.map(([type, payload]) => attribute(type, payload)));
        const decoded = [...decodeAttributes(bytes)].map(([type, payload]) => [type, Uint8Array.from(payload)]);
        assert.deepEqual(decoded, attributes);
      }),
    );
  });

  it('answers any bytes with values or a RangeError, and never reads beyond them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(16, 20, 24, 2), (body, type) => {
        const message = { type, flags: 0x200, sequence: 1, body };
        const decoders = [decodeLink, decodeAddress, decodeRoute, decodeAcknowledgement];
        for (const decode of [...decoders.map((one) => () => one(message)), () => decodeMessages(body)]) {
          try {
            decode();
          } catch (error) {
            assert.ok(error instanceof RangeError, String(error));
          }
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("reads the kernel's words from an acknowledgement", () => {
    const body = Buffer.concat([u32(-17), Buffer.alloc(16), attribute(1, zeroTerminated('File is taken'))]);
    const message = { type: 2, flags: 0x300, sequence: 1, body };
    assert.deepEqual(decodeAcknowledgement(message), { errno: 17, text: 'File is taken' });
    assert.deepEqual(decodeAcknowledgement({ ...message, body: u32(0) }), { errno: 0, text: '' });
  });
});

describe('route requests', () => {
  it('makes a pair of links with the other end in its namespace', () => {
    const peer = { name: 'eth0', namespaceDescriptor: 9, macAddress: '02:42:ac:12:00:02' };
    const { type, flags, body } = addVeth({ name: 'veth1234567', peer, mtu: 1400 });
    assert.deepEqual([type, flags], [16, 0x600]);
    const attributes = decodeAttributes(body, 16);
    assert.equal(attributeText(attributes.get(3) ?? Buffer.of()), 'veth1234567');
    assert.equal(attributeU32(attributes.get(4) ?? Buffer.of()), 1400);
    const info = decodeAttributes(attributes.get(18) ?? Buffer.of());
    assert.equal(attributeText(info.get(1) ?? Buffer.of()), 'veth');
    const end = decodeAttributes(decodeAttributes(info.get(2) ?? Buffer.of()).get(1) ?? Buffer.of(), 16);
    assert.equal(attributeText(end.get(3) ?? Buffer.of()), 'eth0');
    assert.equal(hex(end.get(1) ?? Buffer.of()), '0242ac120002');
    assert.equal(attributeU32(end.get(28) ?? Buffer.of()), 9);
  });

  it('sets only the flag that it means', () => {
    const { body } = setLinkUp('eth0', 5);
    assert.equal(hex(body.subarray(0, 16)), '00000000000000000100000001000000');
    assert.equal(attributeU32(decodeAttributes(body, 16).get(10) ?? Buffer.of()), 5);
  });

  it('gives an address with the broadcast of its subnet', () => {
    const attributes = decodeAttributes(addAddress({ linkIndex: 2, address: '172.18.3.4', prefixLength: 16 }).body, 8);
    assert.equal((attributes.get(2) ?? []).join('.'), '172.18.3.4');
    assert.equal((attributes.get(4) ?? []).join('.'), '172.18.255.255');
  });

  it('routes to the gateway without a destination', () => {
    const { type, body } = addDefaultRoute('172.18.0.1', 2);
    assert.equal(decodeRoute({ type, flags: 0, sequence: 1, body })?.destination, '0.0.0.0/0');
    assert.equal((decodeAttributes(body, 12).get(5) ?? []).join('.'), '172.18.0.1');
  });

  it('deletes by group without naming a link', () => {
    const attributes = decodeAttributes(deleteLinkGroup(77).body, 16);
    assert.deepEqual([...attributes.keys()], [27]);
  });
});

describe('route answers', () => {
  it('decodes a link', () => {
    const header = Buffer.alloc(16);
    header.writeInt32LE(12, 4);
    header.writeUInt32LE(0x1043, 8);
    const info = nested(18, attribute(1, zeroTerminated('veth')));
    const body = Buffer.concat([
      header,
      attribute(3, zeroTerminated('veth1')),
      attribute(4, u32(1500)),
      attribute(10, u32(3)),
      attribute(20, zeroTerminated('ours')),
      info,
    ]);
    const link = { index: 12, name: 'veth1', kind: 'veth', masterIndex: 3, isUp: true, mtu: 1500, alias: 'ours' };
    assert.deepEqual(decodeLink({ type: 16, flags: 0, sequence: 1, body }), link);
    assert.equal(decodeLink({ type: 20, flags: 0, sequence: 1, body }), undefined);
  });
});
