-- What is older than the watermark is the full sweep's: every flip asks for one.
IF NOT EXISTS (SELECT 1 FROM sluss.watermark AS w WHERE w.tenant = @tenant AND w.collection = {collection_literal})
    INSERT INTO sluss.watermark (tenant, collection, revision) VALUES (@tenant, {collection_literal}, CAST(MIN_ACTIVE_ROWVERSION() AS bigint) - 1);
IF NOT EXISTS (SELECT 1 FROM sluss.tally AS t WHERE t.tenant = @tenant AND t.collection = {collection_literal})
    INSERT INTO sluss.tally (tenant, collection, held_by, documents, bytes, swept_at, counted_documents, counted_bytes)
    VALUES (@tenant, {collection_literal}, 'sql', 0, 0, NULL, 0, 0), (@tenant, {collection_literal}, 'both', 0, 0, NULL, 0, 0),
        (@tenant, {collection_literal}, 'object', 0, 0, NULL, 0, 0);
