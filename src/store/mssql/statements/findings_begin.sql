-- In a transaction that is begun already and goes on: the epoch still holds.
SET NOCOUNT ON; SET XACT_ABORT ON;
DECLARE @epoch_now bigint;
SELECT @epoch_now = s.epoch FROM sluss.state AS s WITH (REPEATABLEREAD) WHERE s.tenant = @tenant;
SELECT CASE WHEN @epoch_now IS NULL THEN 'no state' WHEN @epoch_now <> @epoch THEN 'moved' ELSE 'go on' END AS outcome;
