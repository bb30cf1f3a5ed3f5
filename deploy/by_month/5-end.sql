-- The one table is given up. quotes_months stays: cron calls it for the months to come.
-- The lock comes first: dropping the trigger takes months before their table, readers the other way.
BEGIN;
SET LOCAL lock_timeout = '2s';
LOCK TABLE analytics_pricehistory IN ACCESS EXCLUSIVE MODE;
DROP TRIGGER IF EXISTS quotes_both ON analytics_pricehistory;
COMMIT;
BEGIN;
SET LOCAL lock_timeout = '2s';
DROP TABLE quotes_in_one, quotes_begin;
DROP PROCEDURE quotes_copy;
DROP FUNCTION quotes_both;
COMMIT;
