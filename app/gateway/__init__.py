"""What clients may ask: commands, queries, waiting. Knows neither GraphQL nor HTTP."""
