-- No row may come back: months in which the tables differ. Both are read as of one moment.
WITH
  one AS (SELECT date_trunc('month', "timestamp" AT TIME ZONE 'UTC') AS month, count(*) AS quotes,
    sum(hashtextextended(q::text, 0)::numeric) AS digest FROM analytics_pricehistory q GROUP BY 1),
  months AS (SELECT date_trunc('month', "timestamp" AT TIME ZONE 'UTC') AS month, count(*) AS quotes,
    sum(hashtextextended(q::text, 0)::numeric) AS digest FROM quotes_by_month q GROUP BY 1)
SELECT month, one.quotes AS of_one, months.quotes AS of_months FROM one FULL JOIN months USING (month)
WHERE (one.quotes, one.digest) IS DISTINCT FROM (months.quotes, months.digest);
