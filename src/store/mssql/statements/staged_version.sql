SELECT {version} FROM sluss.version AS v WHERE v.tenant = @tenant AND v.attempt = @attempt;
