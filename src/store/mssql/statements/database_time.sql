SELECT @now AS now;
