public class UsersController : ControllerBase
{
    // [Authorize] is on the base class
    public IActionResult List() => Ok();
}
