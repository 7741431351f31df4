UPDATE sluss.restore_run SET figures = @figures, ended_at = CASE WHEN @ended = 1 THEN @now END, stopped = @stopped
WHERE tenant = @tenant AND collection = @collection AND number = @number AND ended_at IS NULL;
