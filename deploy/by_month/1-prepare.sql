-- The table of quotes by month, beside the one that is there; from now on every write goes to both.
-- docs/operations.md, "Quotes by month on PostgreSQL". As the tables' owner: psql -v ON_ERROR_STOP=1 -f
BEGIN;
SET LOCAL lock_timeout = '5s';

-- A table for each month from `since` to `until`, and one for all that came before `since`.
CREATE FUNCTION quotes_months(parent regclass, since date, until date) RETURNS integer
LANGUAGE plpgsql SET timezone TO 'UTC' AS $$
DECLARE
  first date := date_trunc('month', since);
  made integer := 0;
BEGIN
  WHILE first <= until LOOP
    IF to_regclass(to_char(first, '"analytics_pricehistory_"YYYY_MM')) IS NULL THEN
      EXECUTE format('CREATE TABLE %I PARTITION OF %s FOR VALUES FROM (%L) TO (%L)',
        to_char(first, '"analytics_pricehistory_"YYYY_MM'), parent,
        first::timestamptz, (first + interval '1 month')::timestamptz);
      made := made + 1;
    END IF;
    first := first + interval '1 month';
  END LOOP;
  RETURN made;
END $$;

CREATE SEQUENCE quotes_by_month_id_seq AS bigint;
CREATE TABLE quotes_by_month (LIKE analytics_pricehistory INCLUDING DEFAULTS INCLUDING CONSTRAINTS)
  PARTITION BY RANGE ("timestamp");
ALTER SEQUENCE quotes_by_month_id_seq OWNED BY quotes_by_month.id;
ALTER TABLE quotes_by_month
  ALTER id SET DEFAULT nextval('quotes_by_month_id_seq'),
  ADD CONSTRAINT quotes_by_month_pkey PRIMARY KEY (id, "timestamp"),
  ADD CONSTRAINT quotes_by_month_once UNIQUE (market_id, "timestamp"),
  ADD CONSTRAINT quotes_by_month_market FOREIGN KEY (market_id) REFERENCES analytics_market
    DEFERRABLE INITIALLY DEFERRED;

-- From the first quote's month to three months ahead; whatever is older has a table of its own.
CREATE TABLE quotes_begin AS SELECT date_trunc('month', min(first) AT TIME ZONE 'UTC')::date AS month
  FROM analytics_market m, LATERAL (SELECT "timestamp" AS first FROM analytics_pricehistory
    WHERE market_id = m.id ORDER BY "timestamp" LIMIT 1) q;
DO $$
DECLARE
  since date := (SELECT month FROM quotes_begin);
BEGIN
  EXECUTE format('CREATE TABLE analytics_pricehistory_before PARTITION OF quotes_by_month '
    'FOR VALUES FROM (MINVALUE) TO (%L)', since || ' 00:00+00');
  PERFORM quotes_months('quotes_by_month', since, (now() + interval '3 months')::date);
END $$;

-- What is written to the one table is written to the other, whose name it is given.
CREATE FUNCTION quotes_both() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    EXECUTE format('DELETE FROM %I WHERE id = $1 AND "timestamp" = $2', TG_ARGV[0])
      USING OLD.id, OLD."timestamp";
  END IF;
  IF TG_OP <> 'DELETE' THEN
    EXECUTE format('INSERT INTO %I SELECT ($1).*', TG_ARGV[0]) USING NEW;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER quotes_both AFTER INSERT OR UPDATE OR DELETE ON analytics_pricehistory
  FOR EACH ROW EXECUTE FUNCTION quotes_both('quotes_by_month');

-- Month by month, the newest first, of each a market after the other: so they lie together. Every
-- write of the product holds its market's row; as this does, no row changes while it is copied.
CREATE PROCEDURE quotes_copy() LANGUAGE plpgsql AS $$
DECLARE
  part record;
  one bigint;
BEGIN
  FOR part IN
    SELECT m AS since, m + interval '1 month' AS until FROM generate_series(
      (SELECT month FROM quotes_begin)::timestamp, now() AT TIME ZONE 'UTC' + interval '1 month', '1 month') m
    ORDER BY m DESC
  LOOP
    FOR one IN SELECT id FROM analytics_market ORDER BY id LOOP
      PERFORM FROM analytics_market WHERE id = one FOR NO KEY UPDATE;
      INSERT INTO quotes_by_month SELECT * FROM analytics_pricehistory
        WHERE market_id = one AND "timestamp" >= part.since AT TIME ZONE 'UTC'
          AND "timestamp" < part.until AT TIME ZONE 'UTC'
        ORDER BY "timestamp" ON CONFLICT DO NOTHING;
      COMMIT;
    END LOOP;
    RAISE NOTICE '%', part.since;
  END LOOP;
END $$;
COMMIT;
