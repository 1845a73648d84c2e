class OrderForm(Form):
    name = Text.Field()
