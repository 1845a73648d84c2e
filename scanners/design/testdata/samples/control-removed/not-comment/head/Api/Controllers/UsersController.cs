public class UsersController : ControllerBase
{
    public IActionResult List() => Ok();
}
