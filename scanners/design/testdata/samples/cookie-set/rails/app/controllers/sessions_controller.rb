class SessionsController < ApplicationController
  def create
    cookies.signed.permanent[:session_token] = { value: @session.id, httponly: true }
  end
end
