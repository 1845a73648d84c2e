class Order < ApplicationRecord
  # acts_as_tenant :organization
  belongs_to :organization
end
