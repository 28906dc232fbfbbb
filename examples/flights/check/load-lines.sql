-- Every row of the spooled files as a list of texts, with its file and its line there (the header is line 1).
-- The files hold no quotes and no spaces around commas, so a line is split at its commas.
-- `position` is the order of reading: by file name, then by line.
--
-- Needs the variable `data`: the directory that holds spool/, airports.csv.gz and airlines.csv.gz.

SET TimeZone = 'UTC';

CREATE MACRO read_lines(files) AS TABLE
  WITH whole AS (
    SELECT row_number() OVER () AS position, parse_filename(filename) AS file, line
    FROM read_csv(files, columns = {'line': 'VARCHAR'}, header = false, auto_detect = false, delim = '\x01',
                  quote = '', escape = '', comment = '', filename = true, parallel = false)
  ),
  numbered AS (
    SELECT position, file, position - min(position) OVER (PARTITION BY file) + 1 AS line, string_split(line, ',') AS f
    FROM whole
  )
  SELECT * FROM numbered WHERE line > 1;

CREATE TABLE flight_line AS SELECT * FROM read_lines(getvariable('data') || '/spool/flights-*.csv.gz');
CREATE TABLE weather_line AS SELECT * FROM read_lines(getvariable('data') || '/spool/weather-*.csv.gz');
