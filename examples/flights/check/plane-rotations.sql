-- (d) Sessions of one plane's departures and arrivals; a pause of more than ten hours starts the next one.
WITH movement AS (
  SELECT tailnum, "departedMs" AS "movedMs", 1 AS leg, "departureDelayMinutes" AS delay FROM departed
  UNION ALL
  SELECT tailnum, "arrivedMs", 0, 0 FROM arrived
),
registered AS (
  SELECT m.*, p.seats FROM movement AS m JOIN planes AS p ON p.tailnum = m.tailnum
),
marked AS (
  SELECT *, coalesce("movedMs" - lag("movedMs") OVER in_time > 36000000, true) AS opens
  FROM registered
  WINDOW in_time AS (PARTITION BY tailnum ORDER BY "movedMs")
),
numbered AS (
  SELECT *, count(*) FILTER (opens) OVER up_to_now AS session
  FROM marked
  WINDOW up_to_now AS (PARTITION BY tailnum ORDER BY "movedMs" RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
)
SELECT tailnum, min("movedMs") AS "startMs", max("movedMs") AS "endMs", sum(leg) AS legs,
  sum(leg * seats) AS "seatsMoved", sum(delay) AS "totalDelayMinutes"
FROM numbered
GROUP BY tailnum, session;
