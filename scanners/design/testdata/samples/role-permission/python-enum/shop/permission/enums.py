from enum import Enum


class OrderPermissions(BasePermissionEnum):
    MANAGE_ORDERS = "order.manage_orders"
    MANAGE_REFUNDS = "order.manage_refunds"
