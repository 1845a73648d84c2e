class Order < ApplicationRecord
  acts_as_tenant :organization
end
