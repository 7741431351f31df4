-- In bytes; -1: none. It holds for replicated columns, and for those that Change Data Capture follows.
SELECT CAST(c.value_in_use AS bigint) FROM sys.configurations AS c WHERE c.name = N'max text repl size (B)';
