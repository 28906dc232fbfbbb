-- (b) `departed` with its plane and the latest weather of its origin at the time; flights without either are out.
SELECT d."flightId", d.origin, d.carrier, d.dest, d."departedMs",
  p.manufacturer, p.seats, p.year AS "builtYear",
  w."observedMs" AS "weatherMs", w."tempFahrenheit", w."windSpeedMph", w."precipInches", w."visibilityMiles"
FROM departed AS d
JOIN planes AS p ON p.tailnum = d.tailnum
ASOF JOIN weather AS w ON w.origin = d.origin AND w."observedMs" <= d."departedMs";
