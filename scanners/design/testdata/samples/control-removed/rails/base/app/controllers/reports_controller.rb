class ReportsController < ApplicationController
  before_action :authenticate_user!
end
