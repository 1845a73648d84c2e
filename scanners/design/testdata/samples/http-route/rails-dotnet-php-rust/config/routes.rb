Rails.application.routes.draw do
  root "home#index"
  namespace :api do
    resources :orders, only: [:index, :show] do
      post :cancel, on: :member
      collection do
        get "search"
      end
      resources :lines
    end
  end
  get "/about", to: "pages#about"
  mount Sidekiq::Web => "/jobs"
end
