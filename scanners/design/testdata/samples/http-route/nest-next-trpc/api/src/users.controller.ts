import { Controller, Get, Post, Param } from '@nestjs/common';

@Controller({ path: 'users', version: '2' })
export class UsersController {
  @Get()
  list() {}

  @Post(':id/roles')
  @HttpCode(204)
  grant(@Param('id') id: string) {}
}
