SELECT COUNT_BIG(*) FROM sluss.job AS j WITH (READCOMMITTEDLOCK)
WHERE j.tenant = @tenant AND j.state = 'leased' AND j.due_at >= @now AND j.id < @job;
