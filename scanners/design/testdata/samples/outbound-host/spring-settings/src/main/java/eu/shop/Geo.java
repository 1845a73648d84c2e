class Geo {
  private final WebClient client = WebClient.create("https://tiles.provider.eu");
}
