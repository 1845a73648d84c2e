class User < ApplicationRecord
  enum :role, { member: "member", admin: "admin", super_admin: "super_admin" }, validate: true
end
