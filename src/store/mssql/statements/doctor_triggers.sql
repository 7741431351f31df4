SELECT t.name, t.is_instead_of_trigger, t.is_disabled FROM sys.triggers AS t WHERE t.parent_id = OBJECT_ID(@table) ORDER BY t.name;
