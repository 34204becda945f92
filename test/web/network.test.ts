import t from 'tap';
import { networkOf } from '../../src/web/network.ts';

t.test('what a cap per address counts', async (t) => {
  for (const [address, network] of [
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['2001:db8::ffff', '2001:db8:0:0'],
    ['2001:0DB8:0:12:aa:bb:cc:dd', '2001:db8:0:12'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::', '2001:db8:1:2'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['::1', '0:0:0:0'],
  ] as const)
    t.equal(networkOf(address), network, address);
});
