public class PayController : Controller
{
    [AllowAnonymous]
    [HttpPost("pay/{token}")]
    public async Task<IActionResult> PayByLink(string token) => Ok();
}
