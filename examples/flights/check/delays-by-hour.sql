-- (a) Tumbling windows of one hour of UTC over `departed`, by origin and carrier.
-- The mean is rounded half away from zero to two decimals, in whole numbers: no floating point decides it.
SELECT origin, carrier, "departedMs" - "departedMs" % 3600000 AS "hourMs",
  count(*) AS departures,
  sum("departureDelayMinutes") AS "sumDelayMinutes",
  max("departureDelayMinutes") AS "maxDelayMinutes",
  sign(sum("departureDelayMinutes"))
    * ((200 * abs(sum("departureDelayMinutes")) + count(*)) // (2 * count(*))) / 100 AS "meanDelayMinutes"
FROM departed
GROUP BY ALL;
