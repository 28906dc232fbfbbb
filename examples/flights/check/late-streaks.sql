-- (e) The third flight in a row of a carrier from an origin that left more than 60 minutes late.
-- All flights of one streak share the number of punctual flights before them.
WITH judged AS (
  SELECT *, "departureDelayMinutes" > 60 AS late,
    count(*) FILTER (NOT late) OVER flights_so_far AS streak
  FROM departed
  WINDOW flights_so_far AS (PARTITION BY origin, carrier ORDER BY "departedMs", position
                            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
),
counted AS (
  SELECT *, row_number() OVER in_streak AS place, lag("flightId", 1) OVER in_streak AS second,
    lag("flightId", 2) OVER in_streak AS first
  FROM judged WHERE late
  WINDOW in_streak AS (PARTITION BY origin, carrier, streak ORDER BY "departedMs", position)
)
SELECT origin, carrier, "departedMs" AS "atMs", [first, second, "flightId"] AS "flightIds"
FROM counted WHERE place = 3;
