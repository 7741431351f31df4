IF @@ROWCOUNT <> 1 BEGIN; THROW 50001, N'sluss: a statement touched other than one row', 1; END;
