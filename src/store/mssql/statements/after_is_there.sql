-- An id that came from this table and that its column cannot spell any more would end the walk as if it had come to the end.
IF @id IS NULL BEGIN; THROW 50001, N'sluss: the walk cannot go on after this id: its column spells it in another way now', 1; END;
