CREATE TABLE [dbo].[AccessLease] (
    [Id]              UNIQUEIDENTIFIER NOT NULL,
    [OrganizationId]  UNIQUEIDENTIFIER NOT NULL,
    [CreationDate]    DATETIME2 (7)    NOT NULL,
    CONSTRAINT [PK_AccessLease] PRIMARY KEY CLUSTERED ([Id] ASC),
    CONSTRAINT [FK_AccessLease_Organization] FOREIGN KEY ([OrganizationId]) REFERENCES [dbo].[Organization] ([Id])
);
GO
