SET NOCOUNT ON; SET XACT_ABORT ON;
BEGIN TRANSACTION;
DELETE FROM sluss.evidence WHERE tenant = @about AND placement = @placement;
INSERT INTO sluss.evidence (tenant, placement, place, at, findings) VALUES (@about, @placement, @place, @seen_at, @findings);
COMMIT TRANSACTION;
