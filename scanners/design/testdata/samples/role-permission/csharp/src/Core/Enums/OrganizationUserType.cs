namespace Acme.Core.Enums;

public enum OrganizationUserType : byte
{
    Owner = 0,
    Admin = 1,
    Custom = 4,
}
