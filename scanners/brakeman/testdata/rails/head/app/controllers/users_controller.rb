class UsersController < ApplicationController
  def show
    system("finger #{params[:name]}")
    @user = User.find(params[:id])
  end

  def index
    @users = User.where("name = '#{params[:name]}'")
  end
end
