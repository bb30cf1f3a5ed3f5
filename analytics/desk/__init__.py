"""The pages that stay open all day: markets at a glance, one market, preferences."""
