class AddOrganizationToExports < ActiveRecord::Migration[8.0]
  def change
    add_reference :data_exports, :organization, null: false, foreign_key: true
  end
end
