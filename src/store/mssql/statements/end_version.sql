-- The trigger that made the version has the database's clock at that moment; this transaction has one time for all that it ends and begins.
IF @located_now IS NOT NULL
    UPDATE sluss.version SET held_to = @now
    WHERE number = (SELECT MAX(v.number) FROM sluss.version AS v WHERE v.tenant = @tenant AND v.collection = @collection AND v.document = @was);
