SELECT o.name, o.first_seen, o.last_seen FROM sluss.operator AS o ORDER BY o.name;
