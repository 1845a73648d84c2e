public class PasskeyDirectory
{
    private readonly HttpClient _client;
    private const string DirectoryUrl = "https://passkeys.directory.dev/v1/all.json";
    public Task<string> All() => _client.GetStringAsync(DirectoryUrl);
}
