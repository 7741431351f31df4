IF OBJECT_ID(N'sluss.state', N'U') IS NOT NULL
BEGIN
    IF EXISTS (SELECT 1 FROM sluss.state AS s WHERE s.tenant = {tenant_literal} AND s.phase <> 'sql')
    BEGIN;
        THROW 50004, N'sluss: this tenant is not in phase sql: nothing was removed by this batch', 1;
    END;
END;
