/**
 * Cuts the demo's input from the nycflights13 data: January by default, the whole year on request.
 *
 *   node examples/flights/prepare.mjs [--from DIR] [--year DIR]
 *
 * `--from` is the folder with the five gzipped CSV files of the data set (default: ../shared/data/nycflights13
 * beside this repository). Without `--year` the result is examples/flights/data/, which is committed; with
 * `--year DIR` the same layout with every month of 2013 is made in DIR.
 *
 *   spool/flights-2013-MM.csv.gz           rows whose `month` is MM, in the order of the origin
 *   spool/weather-ORIGIN-2013-MM.csv.gz    the same for each of the three airports
 *   spool/planes.csv.gz                    as it is
 *   airports.csv.gz, airlines.csv.gz       as they are
 *
 * Rows are never rewritten, only chosen. January also gets the unreadable rows listed below, on top of the
 * real ones, so its files are the same in both forms. The bytes are the same on each run: `gzip -9n` writes
 * neither name nor time. Runs on any Node, without a package.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { gunzipSync } from 'node:zlib'

const here = dirname(fileURLToPath(import.meta.url))
const origins = ['EWR', 'JFK', 'LGA']

/** The unreadable rows: at which line of the finished file (the header is line 1), and their text. */
const planted = {
  'flights-2013-01.csv': [
    [121, '2013,1,1,811,815,late,1010,1002,8,UA,9101,N37253,EWR,ORD,138,719,8,15,2013-01-01T13:00:00Z'],
    [3457, '2013,1,4,2517,1900,-3,2129,2146,-17,DL,9102,N609DL,LGA,ATL,115,762,19,0,2013-01-05T00:00:00Z'],
    [7001, '2013,1,9,3,2359,4,43'],
    [
      11111,
      '2013,1,13,1852,1831,21,2209,2144,25,UAL,9104,N593UA,EWR,LAX,323,2454,18,31,2013-01-13T23:00:00Z',
    ],
    [15001, '2013,1,18,638,645,-7,758,808,-10,B6,9105,N712JB,JFK,QQQ,62,301,6,45,2013-01-18T11:00:00Z'],
    [20202, '2013,2,30,835,827,8,1144,1140,4,DL,9106,N366NW,LGA,PBI,145,1035,8,27,2013-01-24T13:00:00Z'],
    [26001, '2013,1,30,1510,1450,5,1650,1645,5,EV,9107,N12136,EWR,DTW,81,488,14,50,2013-01-30T19:00:00Z'],
  ],
  'weather-LGA-2013-01.csv': [[301, 'LGA,2013,1,13,12,46.4']],
}

/** The header and the rows of one file of the data set. */
function readRows(folder, name) {
  const lines = gunzipSync(readFileSync(join(folder, name)))
    .toString('utf8')
    .split('\n')
  if (lines.at(-1) !== '') throw new Error(`${name} does not end with a line feed`)
  return { header: lines[0], rows: lines.slice(1, -1) }
}

/** Puts the unreadable rows of a file at their lines; `lines[0]` is line 1. */
function plant(name, lines) {
  for (const [line, text] of planted[name] ?? []) {
    if (line > lines.length) throw new Error(`${name} has no line ${line}`)
    lines.splice(line - 1, 0, text)
  }
}

/** Writes one file packed and prints what README.md states of it. */
function writePacked(into, path, header, rows) {
  const name = basename(path)
  const lines = [header, ...rows]
  plant(name, lines)
  const text = `${lines.join('\n')}\n`
  const packed = spawnSync('gzip', ['-9n'], { input: text, maxBuffer: 2 ** 28 })
  if (packed.status !== 0) throw new Error(`gzip failed: ${packed.error?.message ?? packed.stderr}`)
  const target = join(into, `${path}.gz`)
  mkdirSync(dirname(target), { recursive: true })
  writeFileSync(target, packed.stdout)
  const sha256 = createHash('sha256').update(text).digest('hex')
  const plantedCount = planted[name]?.length ?? 0
  console.log(`| ${path}.gz | ${rows.length} | ${plantedCount} | ${sha256} |`)
}

function prepare(from, into, months) {
  const flights = readRows(from, 'flights.csv.gz')
  const weather = readRows(from, 'weather.csv.gz')
  const asItIs = (name, path) => {
    const { header, rows } = readRows(from, `${name}.gz`)
    writePacked(into, path, header, rows)
  }
  console.log('| file | rows | unreadable rows on top | SHA-256 of the unpacked bytes |\n|---|---|---|---|')
  for (const month of months) {
    const stamp = `2013-${String(month).padStart(2, '0')}`
    const ofMonth = flights.rows.filter((row) => row.startsWith(`2013,${month},`))
    writePacked(into, `spool/flights-${stamp}.csv`, flights.header, ofMonth)
    for (const origin of origins) {
      const ofOrigin = weather.rows.filter((row) => row.startsWith(`${origin},2013,${month},`))
      writePacked(into, `spool/weather-${origin}-${stamp}.csv`, weather.header, ofOrigin)
    }
  }
  asItIs('planes.csv', 'spool/planes.csv')
  asItIs('airports.csv', 'airports.csv')
  asItIs('airlines.csv', 'airlines.csv')
}

const { values } = parseArgs({
  options: {
    from: { type: 'string', default: join(here, '../../../shared/data/nycflights13') },
    year: { type: 'string' },
  },
})
const allMonths = Array.from({ length: 12 }, (_, index) => index + 1)
if (values.year === undefined) prepare(values.from, join(here, 'data'), [1])
else prepare(values.from, resolve(values.year), allMonths)
