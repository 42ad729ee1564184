/** IP addresses as text and bytes (RFC 5952 for IPv6), written apart from the core so that each checks the other. */
const textOfBytes = new Map<string, string>();
const bytesOfText = new Map<string, Uint8Array>();

/** 4 or 16 bytes. Throws TypeError for text that is no address. */
export function addressBytes(text: string): Uint8Array {
  let bytes = bytesOfText.get(text);
  if (bytes === undefined) {
    bytes = text.includes(':') ? parseIpv6(text) : parseIpv4(text);
    bytesOfText.set(text, bytes);
  }
  return bytes;
}

export function addressText(bytes: Uint8Array): string {
  const key = String.fromCharCode(...bytes);
  let text = textOfBytes.get(key);
  if (text === undefined) {
    text = bytes.length === 4 ? bytes.join('.') : formatIpv6(bytes);
    textOfBytes.set(key, text);
  }
  return text;
}

export function isIpv6(address: string): boolean {
  return address.includes(':');
}

function parseIpv4(text: string): Uint8Array {
  const parts = text.split('.').map(Number);
  if (parts.length !== 4 || parts.some((part) => !(part >= 0 && part <= 255)))
    throw new TypeError(`no address: ${text}`);
  return Uint8Array.from(parts);
}

function parseIpv6(text: string): Uint8Array {
  const [head = '', tail] = text.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = [...left, ...Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0'), ...right];
  if (groups.length !== 8 || groups.some((group) => !/^[0-9a-f]{1,4}$/.test(group)))
    throw new TypeError(`no address: ${text}`);
  const bytes = new Uint8Array(16);
  groups.forEach((group, i) => {
    bytes[2 * i] = Number.parseInt(group, 16) >> 8;
    bytes[2 * i + 1] = Number.parseInt(group, 16);
  });
  return bytes;
}

function formatIpv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i]! << 8) | bytes[2 * i + 1]!).toString(16));
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let zeros = 0;
    while (groups[i + zeros] === '0') zeros++;
    if (zeros > length) {
      start = i;
      length = zeros;
    }
  }
  if (start < 0) return groups.join(':');
  return `${groups.slice(0, start).join(':')}::${groups.slice(start + length).join(':')}`;
}
