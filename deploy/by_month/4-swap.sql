-- The table by month takes the other one's name and place, and the other one is kept in step.
-- ANALYZE goes before it. Where it cannot have its lock in two seconds it gives up: try again.
BEGIN;
SET LOCAL lock_timeout = '2s';
LOCK TABLE analytics_pricehistory, quotes_by_month IN ACCESS EXCLUSIVE MODE;
DROP TRIGGER quotes_both ON analytics_pricehistory;
ALTER TABLE analytics_pricehistory RENAME TO quotes_in_one;
ALTER TABLE quotes_in_one RENAME CONSTRAINT price_once_per_moment TO quotes_in_one_once;
ALTER TABLE quotes_in_one RENAME CONSTRAINT analytics_pricehistory_pkey TO quotes_in_one_pkey;
ALTER TABLE quotes_by_month RENAME TO analytics_pricehistory;
ALTER TABLE analytics_pricehistory RENAME CONSTRAINT quotes_by_month_once TO price_once_per_moment;
ALTER TABLE analytics_pricehistory RENAME CONSTRAINT quotes_by_month_pkey TO analytics_pricehistory_pkey;
SELECT setval('quotes_by_month_id_seq', greatest(nextval(pg_get_serial_sequence('quotes_in_one', 'id')), 1));
CREATE TRIGGER quotes_both AFTER INSERT OR UPDATE OR DELETE ON analytics_pricehistory
  FOR EACH ROW EXECUTE FUNCTION quotes_both('quotes_in_one');
COMMIT;
