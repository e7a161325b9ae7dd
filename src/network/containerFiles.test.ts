import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { isKind } from '../base/index.ts';
import { hostnameFile, hostsFile, resolvConf } from './containerFiles.ts';

const standard = `127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::\tip6-localnet
ff00::\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
`;

const plainHosts = {
  hostname: '6d73132eebbb',
  domainname: '',
  address: '172.17.0.2',
  extraHosts: [],
  hostGateway: '172.17.0.1',
};

describe('hostsFile', () => {
  it('ends with the container itself', () => {
    assert.equal(hostsFile(plainHosts), `${standard}172.17.0.2\t6d73132eebbb\n`);
  });

  it('puts the full name before the bare one', () => {
    const expected = `${standard}172.17.0.2\tweb.example.org web\n`;
    assert.equal(hostsFile({ ...plainHosts, hostname: 'web', domainname: 'example.org' }), expected);
    assert.equal(hostsFile({ ...plainHosts, hostname: 'web.example.org' }), expected);
  });

  it('lists extra hosts before the container, and knows the gateway by name', () => {
    const extraHosts = ['db:10.0.0.5', 'v6:2001:db8::1', 'bracketed:[::1]', 'host.docker.internal:host-gateway'];
    assert.equal(
      hostsFile({ ...plainHosts, extraHosts }),
      `${standard}10.0.0.5\tdb\n2001:db8::1\tv6\n::1\tbracketed\n172.17.0.1\thost.docker.internal\n172.17.0.2\t6d73132eebbb\n`,
    );
  });

  it('has no line of its own without a network', () => {
    assert.equal(hostsFile({ ...plainHosts, address: undefined }), standard);
  });

  it("keeps the host's file on the host's network", () => {
    const options = {
      ...plainHosts,
      address: undefined,
      extraHosts: ['db:10.0.0.5'],
      hostText: '127.0.0.1 localhost box',
    };
    assert.equal(hostsFile(options), '127.0.0.1 localhost box\n10.0.0.5\tdb\n');
  });

  it('refuses entries that would write other lines', () => {
    for (const entry of ['db', 'db:', ':1.2.3.4', 'db:1.2.3.4\n6.6.6.6', 'd b:1.2.3.4', 'db:nowhere', 'db:1.2.3']) {
      assert.throws(
        () => hostsFile({ ...plainHosts, extraHosts: [entry] }),
        (error) => isKind(error, 'invalid'),
        entry,
      );
    }
  });
});

describe('hostnameFile', () => {
  it('is the name and a line end', () => {
    assert.equal(hostnameFile('web'), 'web\n');
  });
});

const plainResolver = { hostText: '', dns: [], search: [], options: [], isHostNetwork: false };

describe('resolvConf', () => {
  it('keeps what the host has', () => {
    const hostText =
      '# made by hand\nnameserver 10.0.0.53\nnameserver\t10.0.0.54\nsearch a.org b.org\noptions ndots:2 trust-ad\nsortlist 10.0.0.0\n';
    assert.equal(
      resolvConf({ ...plainResolver, hostText }),
      'nameserver 10.0.0.53\nnameserver 10.0.0.54\nsearch a.org b.org\noptions ndots:2 trust-ad\nsortlist 10.0.0.0\n',
    );
  });

  it('leaves out servers that a container cannot reach, and falls back to public ones', () => {
    const hostText = 'nameserver 127.0.0.53\nnameserver ::1\nnameserver 10.0.0.53\nnameserver fd00::1\nsearch lan\n';
    assert.equal(resolvConf({ ...plainResolver, hostText }), 'nameserver 10.0.0.53\nsearch lan\n');
    assert.equal(
      resolvConf({ ...plainResolver, hostText: 'nameserver 127.0.0.1\nsearch lan\n' }),
      'nameserver 8.8.8.8\nnameserver 8.8.4.4\nsearch lan\n',
    );
    assert.equal(resolvConf(plainResolver), 'nameserver 8.8.8.8\nnameserver 8.8.4.4\n');
  });

  it("keeps the host's loopback servers on the host's network", () => {
    const hostText = 'nameserver 127.0.0.53\noptions edns0\n';
    assert.equal(resolvConf({ ...plainResolver, hostText, isHostNetwork: true }), hostText);
  });

  it('takes what the user gives instead, loopback too', () => {
    const hostText = 'nameserver 10.0.0.53\nsearch lan\noptions edns0\n';
    const given = { dns: ['127.0.0.1', '1.1.1.1'], search: ['example.org'], options: ['ndots:5'] };
    assert.equal(
      resolvConf({ ...plainResolver, hostText, ...given }),
      'nameserver 127.0.0.1\nnameserver 1.1.1.1\nsearch example.org\noptions ndots:5\n',
    );
  });

  it('has no search list when the user gives a dot', () => {
    const hostText = 'nameserver 10.0.0.53\nsearch lan\n';
    assert.equal(resolvConf({ ...plainResolver, hostText, search: ['.'] }), 'nameserver 10.0.0.53\n');
  });
});
