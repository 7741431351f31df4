SELECT COUNT_BIG(*) FROM sluss.upload AS u JOIN sluss.state AS s ON s.tenant = u.tenant AND s.epoch = u.epoch
WHERE u.tenant = @tenant AND u.state = 'open' AND u.purpose = 'write';
