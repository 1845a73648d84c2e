resource store 'Microsoft.Storage/storageAccounts@2023-01-01' = {
  name: 'files'
}
resource old 'Microsoft.Sql/servers@2023-01-01' existing = {
  name: 'old'
}
// resource gone 'Microsoft.Cache/redis@2023-01-01' = {}
