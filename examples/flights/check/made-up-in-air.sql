-- (c) `departed` with `arrived` of the same flight within 24 hours.
SELECT d."flightId", d."departureDelayMinutes", a."arrivalDelayMinutes",
  d."departureDelayMinutes" - a."arrivalDelayMinutes" AS "madeUpMinutes"
FROM departed AS d
JOIN arrived AS a ON a."flightId" = d."flightId"
  AND a."arrivedMs" BETWEEN d."departedMs" AND d."departedMs" + 86400000;
