"""What an amount would really cost or bring, order by order."""
