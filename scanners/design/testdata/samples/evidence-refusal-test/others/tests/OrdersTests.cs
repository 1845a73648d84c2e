public class OrdersTests
{
    [Fact]
    public async Task Refuses()
    {
        var r = await client.GetAsync("/orders");
        Assert.Equal(HttpStatusCode.Unauthorized, r.StatusCode);
    }
}
