IF OBJECT_ID({location_literal}, N'U') IS NOT NULL
BEGIN
    IF EXISTS (SELECT 1 FROM {location} AS l WHERE l.sole = 1 AND l.length > 0
        AND EXISTS (SELECT 1 FROM {document} AS d WHERE d.{id} = l.id{mine}))
    BEGIN;
        THROW 50004, N'sluss: only the object store holds the content of some of these documents: nothing was removed by this batch', 1;
    END;
END;
