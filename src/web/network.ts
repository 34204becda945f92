/** What a cap counts: an IPv4 address, or the /64 that one IPv6 line has, 2^64 addresses to choose from. */
export function networkOf(address: string): string {
  const [, four] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? [];
  if (four || !address.includes(':')) return four ?? address;
  const [head = '', tail] = address.split('%')[0]!.split('::');
  const groups = head === '' ? [] : head.split(':');
  const after = tail ? tail.split(':').length : 0;
  const whole = tail === undefined ? groups : [...groups, ...Array(Math.max(0, 8 - groups.length - after)).fill('0')];
  return [...whole, ...(tail ? tail.split(':') : [])]
    .slice(0, 4)
    .map((group) => group.toLowerCase().replace(/^0+(?=.)/, ''))
    .join(':');
}
