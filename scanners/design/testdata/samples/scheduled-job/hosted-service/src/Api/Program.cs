var builder = WebApplication.CreateBuilder(args);
builder.Services.AddHostedService<OutboxDispatcher>();
var app = builder.Build();
