-- The state first, as in `go_on_from`: its epoch and the tick are of one instant.
SELECT s.epoch, t.tick FROM sluss.state AS s WITH (REPEATABLEREAD) JOIN sluss.tick AS t WITH (REPEATABLEREAD) ON t.tenant = s.tenant
WHERE s.tenant = @tenant OPTION (FORCE ORDER);
