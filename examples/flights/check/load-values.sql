-- How texts become values, and how clocks become instants.

CREATE MACRO is_text(x) AS coalesce(x NOT IN ('', 'NA'), false);
CREATE MACRO is_integer(x) AS coalesce(regexp_full_match(x, '-?[0-9]{1,9}'), false);
CREATE MACRO is_decimal(x) AS coalesce(regexp_full_match(x, '-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?'), false);
CREATE MACRO is_na(x) AS coalesce(x = 'NA', false);
CREATE MACRO int_of(x) AS TRY_CAST(x AS INTEGER);
CREATE MACRO is_clock(x) AS is_integer(x) AND coalesce(int_of(x) BETWEEN 0 AND 2400 AND int_of(x) % 100 < 60, false);
CREATE MACRO clock_minutes(x) AS int_of(x) // 100 * 60 + int_of(x) % 100;
CREATE MACRO date_of(y, m, d) AS TRY_CAST(format('{:04d}-{:02d}-{:02d}', int_of(y), int_of(m), int_of(d)) AS DATE);
CREATE MACRO utc_hour(x) AS CASE
  WHEN regexp_full_match(x, '[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:00:00Z') THEN TRY_CAST(x AS TIMESTAMPTZ) END;

-- ICU reads a clock time that is shown twice as the later instant. Both readings, so that a rule can choose.
CREATE MACRO readings(zone, wall) AS [
  timezone(zone, wall),
  CASE WHEN timezone(zone, timezone(zone, wall) - INTERVAL 1 HOUR) = wall
       THEN timezone(zone, wall) - INTERVAL 1 HOUR END
];

-- The zone of each airport: `tzone`; without it, the US zone of the standard offset where clocks change as in
-- the United States; and Puerto Rico's for the four Caribbean airports that the file lacks.
CREATE TABLE airport_zone AS
  WITH listed AS (
    SELECT faa, coalesce(tzone, CASE WHEN dst = 'A' THEN CASE tz
      WHEN '-5' THEN 'America/New_York' WHEN '-6' THEN 'America/Chicago' WHEN '-7' THEN 'America/Denver'
      WHEN '-8' THEN 'America/Los_Angeles' WHEN '-9' THEN 'America/Anchorage' END END) AS zone
    FROM read_csv(getvariable('data') || '/airports.csv.gz', header = true, all_varchar = true, nullstr = 'NA')
  )
  SELECT faa, zone FROM listed WHERE zone IS NOT NULL
  UNION ALL
  SELECT faa, 'America/Puerto_Rico' FROM (VALUES ('BQN'), ('PSE'), ('SJU'), ('STT')) AS missing (faa)
  WHERE faa NOT IN (SELECT faa FROM listed);
