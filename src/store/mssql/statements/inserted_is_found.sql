-- What is put out is what the INSERT named; an INSTEAD OF trigger can have made another row, or none.
IF @spelled IS NULL BEGIN; THROW 50004, N'sluss: the new row is not found by the id that its column gave', 1; END;
