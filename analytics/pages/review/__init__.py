"""What the pages say on which people judge: anomalies, versions of models, runs side by side."""
