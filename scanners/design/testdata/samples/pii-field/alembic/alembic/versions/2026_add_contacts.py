from alembic import op
import sqlalchemy as sa


def upgrade():
    op.create_table(
        "contacts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("phone_number", sa.String(length=32), nullable=True),
        sa.Column("email_verified", sa.Boolean(), nullable=False),
    )
    op.add_column("users", sa.Column("date_of_birth", sa.Date(), nullable=True))


def downgrade():
    op.add_column("users", sa.Column("ssn", sa.String()))
