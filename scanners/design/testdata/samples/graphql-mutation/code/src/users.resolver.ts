@Resolver()
export class UsersResolver {
  @Mutation(() => User)
  async invite(@Args('email') email: string) {}

  @UseGuards(AdminGuard)
  @Mutation(() => Boolean)
  @Authorized('ADMIN')
  removeUser(@Args('id') id: string) {}
}
