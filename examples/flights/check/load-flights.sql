-- Flights: refused rows with the first column at fault, and the events of the others.
--
-- The scheduled departure is computed from the local columns and the zone, and `time_hour` is only compared with
-- it; events.ts goes the other way. Instants are milliseconds since the epoch.

CREATE TABLE flight_row AS
  SELECT position, file, line, zone,
    f[1] AS year, f[2] AS month, f[3] AS day, f[4] AS dep_time, f[5] AS sched_dep_time, f[6] AS dep_delay,
    f[7] AS arr_time, f[8] AS sched_arr_time, f[9] AS arr_delay, f[10] AS carrier, f[11] AS flight,
    f[12] AS tailnum, f[13] AS origin, f[14] AS dest, f[15] AS air_time, f[16] AS distance, f[17] AS hour,
    f[18] AS minute, f[19] AS time_hour,
    date_of(year, month, day) + to_minutes(clock_minutes(sched_dep_time)) AS scheduled_wall,
    list_filter(readings('America/New_York', scheduled_wall),
                instant -> date_trunc('hour', instant) = utc_hour(time_hour))[1] AS scheduled,
    scheduled + to_minutes(int_of(dep_delay)) AS departure,
    timezone('America/New_York', departure) AS departure_wall
  FROM flight_line LEFT JOIN airport_zone ON f[14] = faa;

CREATE TABLE flight AS
  SELECT *,
    list_min(list_filter(
      readings(zone, timezone(zone, departure)::DATE + to_minutes(clock_minutes(arr_time) % 1440)) ||
      readings(zone, timezone(zone, departure)::DATE + INTERVAL 1 DAY + to_minutes(clock_minutes(arr_time) % 1440)),
      instant -> instant > departure)) AS arrival,
    CASE
      WHEN NOT is_integer(year) OR int_of(year) NOT BETWEEN 1970 AND 9999 THEN 'year'
      WHEN NOT is_integer(month) OR int_of(month) NOT BETWEEN 1 AND 12 THEN 'month'
      WHEN NOT is_integer(day) OR date_of(year, month, day) IS NULL THEN 'day'
      WHEN NOT is_na(dep_time) AND NOT is_clock(dep_time) THEN 'dep_time'
      WHEN NOT is_clock(sched_dep_time) THEN 'sched_dep_time'
      WHEN NOT is_na(dep_delay) AND NOT is_integer(dep_delay) THEN 'dep_delay'
      WHEN NOT is_na(arr_time) AND NOT is_clock(arr_time) THEN 'arr_time'
      WHEN NOT is_clock(sched_arr_time) THEN 'sched_arr_time'
      WHEN NOT is_na(arr_delay) AND NOT is_integer(arr_delay) THEN 'arr_delay'
      WHEN NOT is_text(carrier) OR NOT regexp_full_match(carrier, '[A-Z0-9]{2}') THEN 'carrier'
      WHEN NOT is_integer(flight) THEN 'flight'
      WHEN NOT is_na(tailnum) AND NOT is_text(tailnum) THEN 'tailnum'
      WHEN NOT is_text(origin) OR origin NOT IN ('EWR', 'JFK', 'LGA') THEN 'origin'
      WHEN NOT is_text(dest) OR zone IS NULL THEN 'dest'
      WHEN NOT is_na(air_time) AND NOT is_integer(air_time) THEN 'air_time'
      WHEN NOT is_integer(distance) THEN 'distance'
      WHEN NOT is_integer(hour) OR int_of(hour) <> clock_minutes(sched_dep_time) // 60 THEN 'hour'
      WHEN NOT is_integer(minute) OR int_of(minute) <> clock_minutes(sched_dep_time) % 60 THEN 'minute'
      WHEN utc_hour(time_hour) IS NULL OR scheduled IS NULL THEN 'time_hour'
      WHEN is_na(dep_time) AND NOT is_na(dep_delay) THEN 'dep_delay'
      WHEN is_na(dep_time) AND NOT is_na(arr_time) THEN 'arr_time'
      WHEN is_na(dep_time) THEN NULL
      WHEN is_na(dep_delay) THEN 'dep_delay'
      WHEN is_na(tailnum) THEN 'tailnum'
      WHEN clock_minutes(dep_time) % 1440 <> extract(hour FROM departure_wall) * 60 + extract(minute FROM departure_wall)
        THEN 'dep_time'
      WHEN arrival > departure + INTERVAL 24 HOUR THEN 'arr_time'
    END AS fault
  FROM flight_row;

CREATE VIEW valid_flight AS
  SELECT *, int_of(flight) AS flight_number, nullif(tailnum, 'NA') AS tail,
    format('{:04d}-{:02d}-{:02d} {} {} {} {:04d}', int_of(year), int_of(month), int_of(day), carrier, int_of(flight),
           origin, int_of(sched_dep_time)) AS "flightId"
  FROM flight WHERE fault IS NULL;

CREATE TABLE departed AS
  SELECT position, "flightId", carrier, flight_number AS flight, origin, dest, tail AS tailnum,
    int_of(distance) AS "distanceMiles", epoch_ms(scheduled) AS "scheduledMs", epoch_ms(departure) AS "departedMs",
    int_of(dep_delay) AS "departureDelayMinutes"
  FROM valid_flight WHERE dep_time <> 'NA';

CREATE TABLE arrived AS
  SELECT position, "flightId", carrier, flight_number AS flight, origin, dest, tail AS tailnum,
    epoch_ms(departure) AS "departedMs", epoch_ms(arrival) AS "arrivedMs",
    int_of(arr_delay) AS "arrivalDelayMinutes", int_of(air_time) AS "airMinutes"
  FROM valid_flight WHERE dep_time <> 'NA' AND arr_time <> 'NA';

CREATE TABLE cancelled AS
  SELECT position, "flightId", carrier, flight_number AS flight, origin, dest, tail AS tailnum,
    int_of(distance) AS "distanceMiles", epoch_ms(scheduled) AS "scheduledMs"
  FROM valid_flight WHERE dep_time = 'NA';
