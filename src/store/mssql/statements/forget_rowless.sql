-- The document is looked for under a lock, after the location: a snapshot from before would miss a row that was inserted meanwhile.
-- Only where there is no foreign key: the locations and attributes of rows that were deleted straight in SQL.
DELETE TOP (@limit) l FROM {location} AS l WHERE NOT EXISTS (SELECT 1 FROM {document} AS d WITH (READCOMMITTEDLOCK) WHERE d.{id} = l.id{mine})
OPTION (LOOP JOIN, FORCE ORDER);
