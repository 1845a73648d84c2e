app.MapGet("/status", () => "ok").AllowAnonymous();
app.MapGet("/me", Me).RequireAuthorization();
