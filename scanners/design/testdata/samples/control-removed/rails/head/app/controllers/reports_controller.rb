class ReportsController < ApplicationController
end
