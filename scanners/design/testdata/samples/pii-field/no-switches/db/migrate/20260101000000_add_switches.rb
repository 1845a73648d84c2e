class AddSwitches < ActiveRecord::Migration[8.0]
  def change
    add_column :users, :email_notifications, :boolean, default: true
    add_column :users, :password_changed_at, :datetime
    add_column :settings, :password, :boolean, default: false
    add_column :settings, :max_tokens, :integer
    remove_column :users, :phone, :string
  end
end
