-- Weather (with the refused rows) and the register of planes.

CREATE TABLE weather_row AS
  SELECT position, file, line,
    f[1] AS origin, f[2] AS year, f[3] AS month, f[4] AS day, f[5] AS hour, f[6] AS temp, f[7] AS dewp,
    f[8] AS humid, f[9] AS wind_dir, f[10] AS wind_speed, f[11] AS wind_gust, f[12] AS precip, f[13] AS pressure,
    f[14] AS visib, f[15] AS time_hour,
    CASE
      WHEN NOT is_text(origin) OR origin NOT IN ('EWR', 'JFK', 'LGA') THEN 'origin'
      WHEN NOT is_integer(year) OR int_of(year) NOT BETWEEN 1970 AND 9999 THEN 'year'
      WHEN NOT is_integer(month) OR int_of(month) NOT BETWEEN 1 AND 12 THEN 'month'
      WHEN NOT is_integer(day) OR date_of(year, month, day) IS NULL THEN 'day'
      WHEN NOT is_integer(hour) THEN 'hour'
      WHEN NOT is_na(temp) AND NOT is_decimal(temp) THEN 'temp'
      WHEN NOT is_na(dewp) AND NOT is_decimal(dewp) THEN 'dewp'
      WHEN NOT is_na(humid) AND NOT is_decimal(humid) THEN 'humid'
      WHEN NOT is_na(wind_dir) AND NOT is_decimal(wind_dir) THEN 'wind_dir'
      WHEN NOT is_na(wind_speed) AND NOT is_decimal(wind_speed) THEN 'wind_speed'
      WHEN NOT is_na(wind_gust) AND NOT is_decimal(wind_gust) THEN 'wind_gust'
      WHEN NOT is_na(precip) AND NOT is_decimal(precip) THEN 'precip'
      WHEN NOT is_na(pressure) AND NOT is_decimal(pressure) THEN 'pressure'
      WHEN NOT is_na(visib) AND NOT is_decimal(visib) THEN 'visib'
      WHEN utc_hour(time_hour) IS NULL
        OR timezone('America/New_York', utc_hour(time_hour)) <> date_of(year, month, day) + to_hours(int_of(hour))
        THEN 'time_hour'
    END AS fault
  FROM weather_line;

CREATE MACRO decimal_of(x) AS TRY_CAST(x AS DOUBLE);

CREATE TABLE weather AS
  SELECT position, origin, epoch_ms(utc_hour(time_hour)) AS "observedMs", decimal_of(temp) AS "tempFahrenheit",
    decimal_of(dewp) AS "dewPointFahrenheit", decimal_of(humid) AS "humidityPercent",
    decimal_of(wind_dir) AS "windDirectionDegrees", decimal_of(wind_speed) AS "windSpeedMph",
    decimal_of(wind_gust) AS "windGustMph", decimal_of(precip) AS "precipInches",
    decimal_of(pressure) AS "pressureMillibars", decimal_of(visib) AS "visibilityMiles"
  FROM weather_row WHERE fault IS NULL;

CREATE TABLE planes AS
  SELECT row_number() OVER () AS position, tailnum, int_of(year) AS year, type, manufacturer, model,
    int_of(engines) AS engines, int_of(seats) AS seats, int_of(speed) AS "cruisingSpeedMph", engine
  FROM read_csv(getvariable('data') || '/spool/planes.csv.gz', header = true, all_varchar = true, nullstr = 'NA');
