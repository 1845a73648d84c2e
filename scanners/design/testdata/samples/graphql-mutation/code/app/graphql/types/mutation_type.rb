module Types
  class MutationType < BaseObject
    field :create_invoice, mutation: Mutations::CreateInvoice
  end
end
