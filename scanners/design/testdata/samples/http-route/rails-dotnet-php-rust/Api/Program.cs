var v1 = app.MapGroup("/v1/catalog").RequireAuthorization();
v1.MapGet("/items", List);
app.MapPost("/pay", (Pay p) => Results.Ok());
