DELETE TOP (@limit) a FROM {attribute} AS a WHERE NOT EXISTS (SELECT 1 FROM {document} AS d WHERE d.{id} = a.id{mine});
