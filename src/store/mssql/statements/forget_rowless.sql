-- Only where there is no foreign key: the locations and attributes of rows that were deleted straight in SQL.
DELETE TOP (@limit) l FROM {location} AS l WHERE NOT EXISTS (SELECT 1 FROM {document} AS d WHERE d.{id} = l.id{mine});
