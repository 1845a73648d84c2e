defmodule ShopWeb.Router do
  use ShopWeb, :router

  pipeline :api do
    plug :accepts, ["json"]
  end

  scope "/api", ShopWeb do
    pipe_through :api
    resources "/orders", OrderController, only: [:index]
    # get "/commented", X, :y
    post "/orders/:id/cancel", OrderController, :cancel
  end

  live "/about", AboutLive
end
