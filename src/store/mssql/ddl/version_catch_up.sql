-- Versions from before ticks were written down grow old from now on. In small portions, and not within the transaction above.
DECLARE @tick_now bigint = (SELECT t.tick FROM sluss.tick AS t WHERE t.tenant = @tenant), @dated bigint = 1;
WHILE @dated > 0
BEGIN
    UPDATE TOP (2000) sluss.version SET tick = @tick_now WHERE tenant = @tenant AND tick IS NULL;
    SET @dated = @@ROWCOUNT;
END;
