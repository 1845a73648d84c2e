public enum Permission
{
    Unknown,
    Location,
    LocationAlways,
}
