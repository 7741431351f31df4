DELETE FROM sluss.staging WHERE attempt = @attempt;
