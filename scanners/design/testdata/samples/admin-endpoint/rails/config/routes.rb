Rails.application.routes.draw do
  namespace :admin do
    resources :users
  end
  post "/users/:id/impersonate" => "users#impersonate"
end
