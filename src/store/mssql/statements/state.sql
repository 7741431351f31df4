SELECT s.phase, s.epoch, s.read_only FROM sluss.state AS s WITH (READCOMMITTEDLOCK) WHERE s.tenant = @tenant;
