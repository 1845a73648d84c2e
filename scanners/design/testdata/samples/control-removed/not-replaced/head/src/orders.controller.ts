@UserAuthentication()
@Controller('orders')
export class OrdersController {}
