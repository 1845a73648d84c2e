@Controller('auth')
export class AuthController {
  @Public()
  @Post('login')
  async login() {}

  @Get('me')
  me() {}
}
