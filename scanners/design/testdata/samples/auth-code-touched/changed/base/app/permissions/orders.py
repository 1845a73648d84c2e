def can_refund(user):
    return user.is_admin
