public class BulkUploadModel
{
    [Required]
    public IFormFile File { get; set; } = null!;
}
