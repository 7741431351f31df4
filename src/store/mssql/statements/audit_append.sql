-- The entry's hash covers the one before it: if somebody else appended meanwhile, nothing happens and the hash is taken anew.
SET NOCOUNT ON; SET XACT_ABORT ON;
DECLARE @last bigint;
BEGIN TRANSACTION;
SELECT @last = MAX(a.number) FROM sluss.audit AS a WITH (UPDLOCK, SERIALIZABLE);
IF ISNULL(@last, 0) <> @number - 1 BEGIN ROLLBACK TRANSACTION; SELECT 'raced' AS outcome; RETURN; END;
INSERT INTO sluss.audit (number, at, actor, on_behalf_of, action, tenant, detail, hash)
VALUES (@number, @written_at, @actor, @on_behalf_of, @action, @about, @detail, @hash);
