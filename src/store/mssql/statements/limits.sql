SELECT l.tenant, l.documents_per_second, l.bytes_per_second, l.concurrency, l.paused FROM sluss.limit_set AS l;
