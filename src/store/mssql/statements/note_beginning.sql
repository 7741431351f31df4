-- Since when the row's content holds: its copy comes later. All who write here hold the document's lock.
UPDATE sluss.begun SET at = @now, sha256 = @begins_sha256 WHERE tenant = @tenant AND collection = @collection AND document = @spelled;
IF @@ROWCOUNT = 0
    INSERT INTO sluss.begun (tenant, collection, document, at, sha256) VALUES (@tenant, @collection, @spelled, @now, @begins_sha256);
