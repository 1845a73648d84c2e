class Client {
  ManagedChannel c = ManagedChannelBuilder.forAddress("cart", 7070).usePlaintext().build();
}
