public partial class AddPatient : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.CreateTable(
            name: "Patients",
            columns: table => new
            {
                Id = table.Column<Guid>(type: "uuid", nullable: false),
                LastName = table.Column<string>(type: "text", nullable: false),
                Diagnosis = table.Column<string>(type: "text", nullable: true),
                PhoneConfirmed = table.Column<bool>(type: "boolean", nullable: false)
            });
    }

    protected override void Down(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.AddColumn<string>(name: "Email", table: "Users", nullable: true);
    }
}
