UPDATE sluss.upload SET multipart = @parts WHERE object = @object AND tenant = @tenant AND state = 'open';
SELECT CASE WHEN @@ROWCOUNT = 1 THEN 'noted' ELSE 'gone' END AS outcome;
