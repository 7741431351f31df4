DELETE FROM sluss.placement WHERE tenant = @tenant AND name = {name};
INSERT INTO sluss.placement (tenant, name, description) VALUES (@tenant, {name}, {description});
