RSpec.describe "Orders" do
  it "needs a login" do
    get "/orders"
    expect(response).to have_http_status(:unauthorized)
  end
end
