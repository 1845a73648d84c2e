class Document < ApplicationRecord
  belongs_to :family
  has_one_attached :original
end
