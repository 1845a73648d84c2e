import { Controller, Delete, Get, Post } from '@nestjs/common';

@Controller('webhooks')
export class WebhooksController {
  @Get()
  list() {}
  @Post()
  create() {}
  @Delete(':id')
  remove() {}
}
