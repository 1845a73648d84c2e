public class PaidHandler(ILogger log) : IIntegrationEventHandler<OrderPaid> {}
