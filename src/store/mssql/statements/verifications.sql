SELECT v.collection, v.number, v.repair, v.background, v.started_at, v.ended_at, v.epoch, v.revision, v.place,
    v.documents, v.bytes, v.verified, v.unlocated, v.moved, v.different, v.failed, v.objects
FROM sluss.verification AS v WHERE v.tenant = @tenant ORDER BY v.collection, v.number;
