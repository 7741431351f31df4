-- In the order in which a name moves: from uploads to locations to versions. Whoever has left one place is in a later one.
DECLARE @named bit = 0;
{named}SELECT @named AS named;
