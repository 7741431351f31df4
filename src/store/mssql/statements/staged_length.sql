SELECT g.length FROM sluss.staging AS g WHERE g.attempt = @attempt AND g.tenant = @tenant AND g.kept = 1;
