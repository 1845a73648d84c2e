import { Controller, Post } from '@nestjs/common';

@Controller('admin')
export class AdminController {
  @Post('gather/:symbol')
  public gather() {}
}
