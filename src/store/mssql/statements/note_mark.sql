-- Since when the document is marked.
DELETE FROM sluss.marked WHERE tenant = @tenant AND collection = @collection AND document = @spelled;
INSERT INTO sluss.marked (tenant, collection, document, at) VALUES (@tenant, @collection, @spelled, @now);
