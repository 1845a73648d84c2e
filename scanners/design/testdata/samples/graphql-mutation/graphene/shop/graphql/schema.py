class OrderCancel(BaseMutation):
    class Meta:
        permissions = (OrderPermissions.MANAGE_ORDERS,)


class OrderMutations(graphene.ObjectType):
    order_cancel = OrderCancel.Field()
    order_note_add = OrderNoteAdd.Field(deprecation_reason="old")


class OrderQueries(graphene.ObjectType):
    order = PermissionsField.Field()
