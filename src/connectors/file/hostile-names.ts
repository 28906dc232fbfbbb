/** Values that try to be more than a name, for tests of paths. */

const up = [
  '..',
  '../',
  '../../etc/passwd',
  '..\\..\\windows',
  './..',
  '.../...//',
  '..;/',
  '..%2f',
  '%2e%2e%2f',
]
const absolute = [
  '/',
  '//',
  '/etc/passwd',
  '\\\\server\\share',
  'C:\\Windows',
  'C:',
  'file:///etc/passwd',
  '~',
  '~root',
]
const dots = ['.', ' ', ' .', '. ', '...', '....', '.hidden', '.millrace-manifest.json', '.millrace-lock', '']
const odd = [
  '\0',
  'a\0b',
  '\n',
  '\r\n',
  '\t',
  '\x1b[31m',
  '\x7f',
  '"',
  "'",
  '`',
  '$(id)',
  '|',
  '&',
  ';',
  '*',
  '?',
  '<',
  '>',
]
const devices = ['CON', 'PRN', 'AUX', 'NUL', 'COM1', 'LPT1', 'con.txt', 'NUL.jsonl', 'CLOCK$']
const unicode = [
  '\u202e',
  '\u2028',
  '\ufeff',
  '．．／',
  '‥',
  '∕',
  'ﬀ',
  'é',
  'e\u0301',
  'İ',
  'ß',
  '😀',
  '\ud800',
  '日本',
]
const code = [
  '__proto__',
  'constructor',
  'toString',
  'prototype',
  'hasOwnProperty',
  '<script>',
  '#{x}',
  '%{topic}',
  '%Y',
  '%',
]
const encoded = [
  '%2e',
  '%2E%2E',
  '%00',
  '%c0%ae%c0%ae%c0%af',
  '%252e',
  '..%c0%af',
  '%u002e',
  '&#46;&#46;',
  '..%5c',
  '%_',
]
const long = [
  'a'.repeat(255),
  'a'.repeat(256),
  'b'.repeat(5000),
  '/'.repeat(300),
  '../'.repeat(100),
  '.'.repeat(300),
  'é'.repeat(200),
]
const bytes = [
  Buffer.from([0xc0, 0xae]),
  Buffer.from([0xff, 0xfe]),
  Buffer.from([0x2e, 0x2e, 0x00]),
  Buffer.from([0xed, 0xa0, 0x80]),
]

/** Each of some ways up, before and after a harmless name. */
const mixed = ['..', '../..', '/..', './', '//', '\\..', '\0', '..\0', '%00..'].flatMap((way) => {
  return [
    `${way}/name`,
    `name/${way}`,
    `${way}name`,
    `name${way}`,
    `name/${way}/name`,
    `${way}${way}`,
    `${way}\n`,
    ` ${way}`,
  ]
})

export const hostileNames: readonly (string | Buffer)[] = [
  ...new Set([
    ...up,
    ...absolute,
    ...dots,
    ...odd,
    ...devices,
    ...unicode,
    ...code,
    ...encoded,
    ...long,
    ...mixed,
  ]),
  ...bytes,
]
