-- After 4-swap.sql and before 5-end.sql: the one table answers again; nothing that came since is lost.
BEGIN;
SET LOCAL lock_timeout = '2s';
LOCK TABLE analytics_pricehistory, quotes_in_one IN ACCESS EXCLUSIVE MODE;
DROP TRIGGER quotes_both ON analytics_pricehistory;
ALTER TABLE analytics_pricehistory RENAME TO quotes_by_month;
ALTER TABLE quotes_by_month RENAME CONSTRAINT price_once_per_moment TO quotes_by_month_once;
ALTER TABLE quotes_by_month RENAME CONSTRAINT analytics_pricehistory_pkey TO quotes_by_month_pkey;
ALTER TABLE quotes_in_one RENAME TO analytics_pricehistory;
ALTER TABLE analytics_pricehistory RENAME CONSTRAINT quotes_in_one_once TO price_once_per_moment;
ALTER TABLE analytics_pricehistory RENAME CONSTRAINT quotes_in_one_pkey TO analytics_pricehistory_pkey;
SELECT setval(pg_get_serial_sequence('analytics_pricehistory', 'id'), nextval('quotes_by_month_id_seq'));
CREATE TRIGGER quotes_both AFTER INSERT OR UPDATE OR DELETE ON analytics_pricehistory
  FOR EACH ROW EXECUTE FUNCTION quotes_both('quotes_by_month');
COMMIT;
