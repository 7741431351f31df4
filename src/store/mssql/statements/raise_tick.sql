-- A tick that is behind what was seen stays: else a database that was put back would catch up. A clock that was put back gives a new beginning,
-- and no tick. The row's lock is gone with the statement: nobody queues behind it.
SET NOCOUNT ON;
UPDATE t SET tick = t.tick + CASE WHEN t.at <= @now - @minute THEN 1 ELSE 0 END, at = @now
FROM sluss.tick AS t JOIN sluss.state AS s ON s.tenant = t.tenant
WHERE t.tenant = @tenant AND (t.at <= @now - @minute OR t.at > @now) AND t.tick >= @number AND s.epoch >= @epoch;
-- The state first, as in `go_on_from`: its epoch and the tick are of one instant.
SELECT s.epoch, t.tick FROM sluss.state AS s WITH (REPEATABLEREAD) JOIN sluss.tick AS t WITH (REPEATABLEREAD) ON t.tenant = s.tenant
WHERE s.tenant = @tenant OPTION (FORCE ORDER);
