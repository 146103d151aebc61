"""The GraphQL schema: types, inputs, results, and resolvers that check, call one service and map."""
