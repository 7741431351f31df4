DELETE FROM sluss.begun WHERE tenant = @tenant AND collection = @collection AND document = {spelled};
