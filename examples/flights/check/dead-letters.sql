-- (f) The rows that give no event, and the first column at fault in the order of the header.
SELECT file, line, 'MR_RECORD_INVALID' AS code, fault AS "column" FROM flight WHERE fault IS NOT NULL
UNION ALL
SELECT file, line, 'MR_RECORD_INVALID', fault FROM weather_row WHERE fault IS NOT NULL;
