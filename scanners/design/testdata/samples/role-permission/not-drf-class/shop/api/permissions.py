class UserHasOrderPermission(BaseRelatedObjectPermission):
    django_model = Order
    get_permission = "view"
