-- NULL: there is no such thing, or this login may not know of it.
SELECT CAST(HAS_PERMS_BY_NAME(@securable, @class, @permission) AS bigint);
