class UsersController <
