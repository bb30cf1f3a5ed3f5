"""What is the market doing? Regimes named in hindsight, recognised from the past alone."""
