public class LeaseTests
{
    [Fact]
    public async Task Create_UnknownLease_ReturnsNotFound()
    {
        var otherOrganization = await CreateOrganization();
        var response = await client.PostAsync($"/organizations/{otherOrganization.Id}/leases", body);
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
    }
}
