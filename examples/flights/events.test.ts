import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { isMillraceError } from 'millrace'
import type { Row } from './columns.ts'
import { eventOfPlane, eventOfWeather, eventsOfFlight, registerMs } from './events.ts'
import { Zone, zonesOfAirports } from './zones.ts'

const flightColumns =
  'year,month,day,dep_time,sched_dep_time,dep_delay,arr_time,sched_arr_time,arr_delay,carrier,flight,tailnum,' +
  'origin,dest,air_time,distance,hour,minute,time_hour'
const weatherColumns =
  'origin,year,month,day,hour,temp,dewp,humid,wind_dir,wind_speed,wind_gust,precip,pressure,visib,time_hour'
const airports = `faa,name,lat,lon,alt,tz,dst,tzone
EEN,Dillant Hopkins Airport,72.270833,42.898333,149,-5,A,NA
EWR,Newark Liberty Intl,40.6925,-74.168667,18,-5,A,America/New_York
HNL,Honolulu Intl,21.318681,-157.922428,13,-10,N,Pacific/Honolulu
IAH,George Bush Intercontinental,29.984433,-95.341442,97,-6,A,America/Chicago
JFK,John F Kennedy Intl,40.639751,-73.778925,13,-5,A,America/New_York
LAX,Los Angeles Intl,33.942536,-118.408075,126,-8,A,America/Los_Angeles
LGA,La Guardia,40.777245,-73.872608,22,-5,A,America/New_York
OKC,Will Rogers World,35.393089,-97.600733,1295,-6,A,America/Chicago
ORD,Chicago Ohare Intl,41.978603,-87.904842,668,-6,A,America/Chicago
PBI,Palm Beach Intl,26.683161,-80.095589,19,-5,A,America/New_York
PHX,Phoenix Sky Harbor Intl,33.434278,-112.011583,1135,-7,N,America/Phoenix
PWM,Portland Intl Jetport,43.646161,-70.309281,77,-5,A,America/New_York
SFO,San Francisco Intl,37.618972,-122.374889,13,-8,A,America/Los_Angeles
XXX,Nowhere,0,0,0,-7,N,NA`

function rowsOf(csv: string): Row[] {
  const cast = (value: string, context: { header: boolean }) =>
    value === 'NA' && !context.header ? null : value
  return parse(csv, { columns: true, cast, relax_column_count_less: true })
}
const rowOf = (columns: string, line: string): Row => rowsOf(`${columns}\n${line}`)[0]!
const zones = zonesOfAirports(rowsOf(airports))
const flight = (line: string) => eventsOfFlight(rowOf(flightColumns, line), zones)
const ofMs = (instantMs: number): string => new Date(instantMs).toISOString().replace(':00.000Z', 'Z')

/** Topic and time of each event of a row: `departed 2013-01-01T10:17Z`. */
const times = (line: string): string[] =>
  flight(line).map((event) => `${event.topic} ${ofMs(event.timestampMs)}`)

describe('a flight becomes events at its actual times', () => {
  it('gives all values, key and id', () => {
    const [departed, arrived] = flight(
      '2013,1,1,517,515,2,830,819,11,UA,1545,N14228,EWR,IAH,227,1400,5,15,2013-01-01T10:00:00Z',
    )
    const identity = {
      flightId: '2013-01-01 UA 1545 EWR 0515',
      carrier: 'UA',
      flight: 1545,
      origin: 'EWR',
      dest: 'IAH',
    }
    const scheduledMs = Date.UTC(2013, 0, 1, 10, 15)
    const departedMs = Date.UTC(2013, 0, 1, 10, 17)
    const arrivedMs = Date.UTC(2013, 0, 1, 14, 30)
    assert.deepEqual(departed, {
      topic: 'departed',
      key: 'EWR|UA',
      timestampMs: departedMs,
      value: {
        ...identity,
        tailnum: 'N14228',
        distanceMiles: 1400,
        scheduledMs,
        departedMs,
        departureDelayMinutes: 2,
      },
    })
    assert.deepEqual(arrived, {
      topic: 'arrived',
      key: 'EWR|UA',
      timestampMs: arrivedMs,
      value: {
        ...identity,
        tailnum: 'N14228',
        departedMs,
        arrivedMs,
        arrivalDelayMinutes: 11,
        airMinutes: 227,
      },
    })
  })

  const cases: readonly [rule: string, row: string, ...events: string[]][] = [
    [
      'a delay carries the departure past midnight, into another month',
      '2013,1,31,54,2250,124,152,2359,113,B6,608,N281JB,JFK,PWM,41,273,22,50,2013-02-01T03:00:00Z'.replace(
        'PWM',
        'PBI',
      ),
      'departed 2013-02-01T05:54Z',
      'arrived 2013-02-01T06:52Z',
    ],
    [
      'a delay of almost a day; the destination in Hawaii is five hours behind',
      '2013,1,9,641,900,1301,1242,1530,1272,HA,51,N384HA,JFK,HNL,640,4983,9,0,2013-01-09T14:00:00Z',
      'departed 2013-01-10T11:41Z',
      'arrived 2013-01-10T22:42Z',
    ],
    [
      'a departure at 2400 is midnight at the end of the day',
      '2013,10,30,2400,2359,1,327,337,-10,B6,839,N661JB,JFK,BQN,182,1576,23,59,2013-10-31T03:00:00Z',
      'departed 2013-10-31T04:00Z',
      'arrived 2013-10-31T07:27Z',
    ],
    [
      'an arrival at 2400 is midnight at the end of the day of the destination',
      '2013,10,10,2117,2100,17,2400,20,-20,DL,427,N198DN,JFK,LAX,322,2475,21,0,2013-10-11T01:00:00Z',
      'departed 2013-10-11T01:17Z',
      'arrived 2013-10-11T07:00Z',
    ],
    [
      'an airport of the Caribbean that airports.csv lacks keeps its time while New York changes',
      '2013,3,9,53,2359,54,504,438,26,B6,727,N612JB,JFK,BQN,175,1576,23,59,2013-03-10T04:00:00Z',
      'departed 2013-03-10T05:53Z',
      'arrived 2013-03-10T09:04Z',
    ],
    [
      'an arrival in the hour that the clocks skip counts with the time before the change',
      '2013,3,9,2306,2145,81,203,34,89,B6,35,N658JB,JFK,PBI,141,1028,21,45,2013-03-10T02:00:00Z',
      'departed 2013-03-10T04:06Z',
      'arrived 2013-03-10T07:03Z',
    ],
    [
      'an arrival in the hour that the clocks show twice is the first one after the departure',
      '2013,11,2,2217,1655,322,114,2015,299,VX,413,N838VA,JFK,LAX,339,2475,16,55,2013-11-02T20:00:00Z',
      'departed 2013-11-03T02:17Z',
      'arrived 2013-11-03T08:14Z',
    ],
    [
      'the day before the clocks go back',
      '2013,11,2,556,600,-4,919,923,-4,UA,303,N560UA,JFK,SFO,351,2586,6,0,2013-11-02T10:00:00Z',
      'departed 2013-11-02T09:56Z',
      'arrived 2013-11-02T16:19Z',
    ],
    [
      'the day on which the clocks went back',
      '2013,11,3,553,600,-7,918,923,-5,UA,303,N512UA,JFK,SFO,358,2586,6,0,2013-11-03T11:00:00Z',
      'departed 2013-11-03T10:53Z',
      'arrived 2013-11-03T17:18Z',
    ],
    [
      'Phoenix has no summer time',
      '2013,7,1,655,658,-3,855,915,-20,UA,1138,N38727,EWR,PHX,278,2133,6,58,2013-07-01T10:00:00Z',
      'departed 2013-07-01T10:55Z',
      'arrived 2013-07-01T15:55Z',
    ],
    [
      'a diverted flight arrives on the next day, as the first time after its departure',
      '2013,6,12,1623,1545,38,1148,1710,NA,MQ,3694,N527MQ,EWR,ORD,NA,719,15,45,2013-06-12T19:00:00Z',
      'departed 2013-06-12T20:23Z',
      'arrived 2013-06-13T16:48Z',
    ],
    [
      'a flight without arrival time only departs',
      '2013,1,1,2016,1930,46,NA,2220,NA,EV,4204,N14168,EWR,OKC,NA,1325,19,30,2013-01-02T00:00:00Z',
      'departed 2013-01-02T01:16Z',
    ],
    [
      'a cancelled flight counts at its scheduled time',
      '2013,7,27,NA,106,NA,NA,245,NA,US,1632,NA,EWR,LGA,NA,17,1,6,2013-07-27T05:00:00Z',
      'cancelled 2013-07-27T05:06Z',
    ],
  ]
  for (const [rule, row, ...events] of cases) it(rule, () => assert.deepEqual(times(row), events))
})

describe('a row that breaks a rule is refused with its column and value', () => {
  const good = '2013,1,1,517,515,2,830,819,11,UA,1545,N14228,EWR,IAH,227,1400,5,15,2013-01-01T10:00:00Z'
  const names = flightColumns.split(',')
  const faults: readonly [column: string, value: string][] = [
    ['year', '13'],
    ['month', '13'],
    ['day', '32'],
    ['day', '0'],
    ['dep_time', '2517'],
    ['dep_time', '560'],
    ['dep_time', '518'],
    ['dep_time', '-5'],
    ['sched_dep_time', 'NA'],
    ['dep_delay', 'late'],
    ['dep_delay', 'NA'],
    ['dep_delay', '2.5'],
    ['arr_time', '2401'],
    ['sched_arr_time', 'soon'],
    ['arr_delay', '-'],
    ['carrier', 'UAL'],
    ['flight', '1234567890'],
    ['tailnum', 'NA'],
    ['tailnum', ''],
    ['origin', 'LAX'],
    ['dest', 'QQQ'],
    ['dest', 'XXX'],
    ['air_time', '1e2'],
    ['distance', 'NA'],
    ['hour', '6'],
    ['minute', '16'],
    ['time_hour', '2013-01-01T11:00:00Z'],
    ['time_hour', '2013-01-01T10:30:00Z'],
  ]
  for (const [column, value] of faults) {
    it(`${column} ${JSON.stringify(value)}`, () => {
      const cells = good.split(',').with(names.indexOf(column), value)
      const held = value === 'NA' ? null : value
      assert.throws(
        () => flight(cells.join(',')),
        (error) =>
          isMillraceError(error, 'MR_RECORD_INVALID') &&
          error.context['column'] === column &&
          error.context['value'] === held,
      )
    })
  }

  it('names the first column that a cut row lacks, wherever it was cut', () => {
    const cells = good.split(',')
    for (let count = 1; count < cells.length; count++) {
      const expected = names[count]
      assert.throws(
        () => flight(cells.slice(0, count).join(',')),
        (error) => isMillraceError(error, 'MR_RECORD_INVALID') && error.context['column'] === expected,
      )
    }
  })

  it('refuses a cancelled flight that arrived', () => {
    const row = '2013,7,27,NA,106,NA,300,245,NA,US,1632,NA,EWR,LGA,NA,17,1,6,2013-07-27T05:00:00Z'
    assert.throws(() => flight(row), /"arr_time" is "300", expected NA, as dep_time is NA/)
  })
})

describe('weather and planes', () => {
  it('weather counts at its UTC hour, in both hours that New York shows as one', () => {
    const rows = [
      'EWR,2013,11,3,1,51.98,39.02,61.15,310,6.904679999999999,NA,0,1009.8,10,2013-11-03T05:00:00Z',
      'EWR,2013,11,3,1,50,39.02,65.8,290,5.7539,NA,0,1e3,10,2013-11-03T06:00:00Z',
    ]
    const [first, second] = rows.map((row) => eventOfWeather(rowOf(weatherColumns, row), zones))
    assert.equal(ofMs(first!.timestampMs), '2013-11-03T05:00Z')
    assert.equal(ofMs(second!.timestampMs), '2013-11-03T06:00Z')
    assert.equal(second!.key, 'EWR')
    assert.equal(second!.value.pressureMillibars, 1000)
    assert.equal(second!.value.windGustMph, null)
  })
  it('weather an hour off its local columns is refused', () => {
    const row = 'EWR,2013,7,3,1,50,39.02,65.8,290,5.7539,NA,0,1000,10,2013-07-03T06:00:00Z'
    assert.throws(() => eventOfWeather(rowOf(weatherColumns, row), zones), /"time_hour"/)
  })
  it('a plane without year and speed keeps null', () => {
    const columns = 'tailnum,year,type,manufacturer,model,engines,seats,speed,engine'
    const row = 'N10156,NA,Fixed wing multi engine,EMBRAER,EMB-145XR,2,55,NA,Turbo-fan'
    const event = eventOfPlane(rowOf(columns, row))
    assert.deepEqual([event.key, event.timestampMs, event.value.year], ['N10156', registerMs, null])
    assert.deepEqual([event.value.seats, event.value.cruisingSpeedMph], [55, null])
  })
})

describe('zones', () => {
  it('an airport without zone takes the one of its offset, and only with US summer time', () => {
    assert.equal(zones.get('EEN')?.name, 'America/New_York')
    assert.equal(zones.get('XXX'), undefined)
  })
  it('the first instant after the one before t that shows what t shows is t, also around changes', () => {
    const names = [
      'America/New_York',
      'America/Los_Angeles',
      'America/Phoenix',
      'America/Puerto_Rico',
      'Asia/Tokyo',
    ]
    const all = names.map((name) => new Zone(name))
    const aroundChanges = [Date.UTC(2013, 2, 10, 7), Date.UTC(2013, 10, 3, 6), Date.UTC(2013, 10, 3, 9)]
    const minutes = fc.integer({ min: -2000, max: 2000 })
    const near = fc
      .tuple(fc.constantFrom(...aroundChanges), minutes)
      .map(([changeMs, by]) => changeMs + by * 60_000)
    const anywhere = fc.integer({ min: 0, max: 60_000_000 }).map((minute) => minute * 60_000)
    fc.assert(
      fc.property(fc.constantFrom(...all), fc.oneof(near, anywhere), (zone, instantMs) => {
        assert.equal(zone.instant(zone.wallClock(instantMs), instantMs - 1), instantMs)
      }),
      { numRuns: 2000 },
    )
  })
})
