public sealed class MaxFileSizeAttribute : ValidationAttribute
{
    public override bool IsValid(object? value) => value is IFormFile file && file.Length <= _maxBytes;
}
