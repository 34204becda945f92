import { BlockList, isIP } from 'node:net';

/**
 * Which addresses of the internet are somebody's public host (IANA special-purpose registries, RFC 6890): what is
 * private, local, shared, reserved, for documentation, multicast, or carries another address inside is not.
 */
const special = new BlockList();
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  // multicast, reserved, broadcast
  ['224.0.0.0', 3],
] as const)
  special.addSubnet(network, bits, 'ipv4');
for (const [network, bits] of [
  // protocol assignments with Teredo, documentation, 6to4, documentation
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const)
  special.addSubnet(network, bits, 'ipv6');

// All global unicast there is (RFC 4291, 2.4): loopback, mapped and compatible IPv4, NAT64, unique-local, link-local,
// site-local and multicast lie outside, and so does what nobody has been given yet.
const globalUnicast = new BlockList();
globalUnicast.addSubnet('2000::', 3, 'ipv6');

/** @param address an IPv4 or IPv6 address in text; anything else is not public. */
export function isPublic(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !special.check(address, 'ipv4');
  return family === 6 && globalUnicast.check(address, 'ipv6') && !special.check(address, 'ipv6');
}

/**
 * Whether a URL names, by itself, a host that is not public: an address of another kind, or this machine (RFC 6761,
 * 6.3). URL has read the address in whatever way it was written: 127.1, 0x7f000001, full-width digits.
 */
export function namesPrivateHost({ hostname }: URL): boolean {
  const host = hostname.replace(/^\[|\]$/g, '');
  return isIP(host) ? !isPublic(host) : /(?:^|\.)localhost\.?$/.test(host);
}
