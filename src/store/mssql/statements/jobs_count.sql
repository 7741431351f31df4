SELECT j.kind, j.state, COUNT_BIG(*), MIN(j.created_at) FROM sluss.job AS j WHERE j.tenant = @tenant GROUP BY j.kind, j.state;
