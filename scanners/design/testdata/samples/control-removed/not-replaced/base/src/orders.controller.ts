@UseGuards(UserAuthGuard)
@Controller('orders')
export class OrdersController {}
