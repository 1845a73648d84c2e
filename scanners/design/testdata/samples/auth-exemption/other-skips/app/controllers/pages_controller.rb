class PagesController < ApplicationController
  skip_before_action :set_locale, :track_visit
  before_action :authenticate_user!
  # skip_before_action :authenticate_user!
end
