const typeDefs = gql`
  type Mutation {
    login(name: String!): String
  }
`;
