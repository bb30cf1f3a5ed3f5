"""The pages on which people judge: anomalies, versions of models, their runs."""
