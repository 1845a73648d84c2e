class Provider::Quotes
  def client
    Faraday.new(url: "https://quotes.provider.eu")
  end
end
