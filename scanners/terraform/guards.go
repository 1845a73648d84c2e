package terraform

import "slices"

var (
	clusters = []string{"aws_rds_cluster", "aws_docdb_cluster", "aws_neptune_cluster"}
	machines = []string{"aws_instance", "aws_launch_template", "aws_launch_configuration"}
	vaults   = []string{
		"azurerm_storage_account", "azurerm_key_vault", "azurerm_mssql_server", "azurerm_mysql_server", "azurerm_postgresql_server", "azurerm_mariadb_server",
		"azurerm_postgresql_flexible_server", "azurerm_cosmosdb_account", "azurerm_container_registry", "azurerm_redis_cache", "azurerm_servicebus_namespace",
		"azurerm_eventhub_namespace", "azurerm_app_configuration", "azurerm_cognitive_account", "azurerm_search_service", "azurerm_data_factory",
	}
	azureMachines = []string{
		"azurerm_linux_virtual_machine", "azurerm_windows_virtual_machine", "azurerm_linux_virtual_machine_scale_set", "azurerm_windows_virtual_machine_scale_set",
	}
	googleMachines = []string{"google_compute_instance", "google_compute_instance_template", "google_compute_region_instance_template"}
)

const (
	encrypts     = "encrypts its data"
	undeletable  = "is protected against deletion"
	closed       = "is closed to the internet"
	reachable    = "restricts who can reach its API"
	keepsLog     = "logs its use"
	identities   = "refuses shared keys and local accounts"
	encryptsLine = "encrypts its connections"
)

// guards are the settings whose default, in the versions of the providers that are in use, is the unsafe value.
var guards = []guard{
	{rule: encryption, kinds: append([]string{"aws_db_instance"}, clusters...), paths: []string{"storage_encrypted"}, good: []any{true}, what: encrypts},
	{rule: encryption, kinds: []string{"aws_ebs_volume", "aws_efs_file_system"}, paths: []string{"encrypted"}, good: []any{true}, what: encrypts},
	{rule: encryption, kinds: []string{"aws_instance", "aws_launch_configuration"}, paths: []string{"root_block_device.encrypted"}, good: []any{true}, what: "encrypts its disk"},
	{rule: encryption, kinds: []string{"aws_instance", "aws_launch_configuration"}, paths: []string{"ebs_block_device.encrypted"}, good: []any{true}, what: "encrypts its disk", each: true},
	{rule: encryption, kinds: []string{"aws_launch_template"}, paths: []string{"block_device_mappings.ebs.encrypted"}, good: []any{true}, what: "encrypts its disk", each: true},
	{rule: encryption, kinds: []string{"aws_elasticache_replication_group"}, paths: []string{"at_rest_encryption_enabled"}, good: []any{true}, what: encrypts},
	{rule: encryption, kinds: []string{"aws_elasticsearch_domain", "aws_opensearch_domain"}, paths: []string{"encrypt_at_rest.enabled"}, good: []any{true}, what: encrypts},
	{rule: encryption, kinds: []string{"aws_dax_cluster"}, paths: []string{"server_side_encryption.enabled"}, good: []any{true}, what: encrypts},
	{rule: encryption, kinds: []string{"aws_kinesis_stream"}, paths: []string{"encryption_type"}, good: []any{"KMS"}, what: encrypts},
	{rule: encryption, kinds: []string{"aws_sns_topic"}, paths: []string{"kms_master_key_id"}, what: "encrypts its messages"},
	{rule: encryption, kinds: []string{"aws_workspaces_workspace"}, paths: []string{"root_volume_encryption_enabled"}, good: []any{true}, what: "encrypts its disk"},
	{rule: encryption, kinds: []string{"aws_workspaces_workspace"}, paths: []string{"user_volume_encryption_enabled"}, good: []any{true}, what: "encrypts its disk"},
	{rule: encryption, kinds: azureMachines, paths: []string{"encryption_at_host_enabled"}, good: []any{true}, what: "encrypts its disks on the host"},
	{rule: plainHTTP, kinds: []string{"aws_elasticache_replication_group"}, paths: []string{"transit_encryption_enabled"}, good: []any{true}, what: encryptsLine},
	{rule: plainHTTP, kinds: []string{"aws_elasticsearch_domain", "aws_opensearch_domain"}, paths: []string{"node_to_node_encryption.enabled"}, good: []any{true}, what: encryptsLine},
	{rule: plainHTTP, kinds: slices.Concat(oldApps, webApps), paths: []string{"https_only"}, good: []any{true}, what: "refuses plain HTTP"},
	{
		rule: plainHTTP, kinds: []string{"google_sql_database_instance"}, paths: []string{"settings.ip_configuration.ssl_mode", "settings.ip_configuration.require_ssl"},
		good: []any{true, "ENCRYPTED_ONLY", "TRUSTED_CLIENT_CERTIFICATE_REQUIRED"}, what: "refuses connections without encryption",
	},
	{rule: plainHTTP, kinds: []string{"google_redis_instance"}, paths: []string{"transit_encryption_mode"}, good: []any{"SERVER_AUTHENTICATION"}, what: encryptsLine},
	{rule: weakTLS, kinds: []string{"azurerm_redis_cache"}, paths: []string{"minimum_tls_version"}, good: []any{"1.2"}, what: "refuses outdated versions of TLS"},
	{rule: weakTLS, kinds: []string{"google_compute_ssl_policy"}, paths: []string{"min_tls_version"}, good: []any{"TLS_1_2", "TLS_1_3"}, what: "refuses outdated versions of TLS"},

	{rule: imds, kinds: machines, paths: []string{"metadata_options.http_tokens"}, good: []any{"required"}, what: "requires a token for its metadata"},
	{rule: rotation, kinds: []string{"aws_kms_key"}, paths: []string{"enable_key_rotation"}, good: []any{true}, what: "rotates its key"},
	{rule: rotation, kinds: []string{"google_kms_crypto_key"}, paths: []string{"rotation_period"}, what: "rotates its key"},
	{rule: auditLog, kinds: []string{"aws_cloudtrail"}, paths: []string{"enable_log_file_validation"}, good: []any{true}, what: "protects its log against changes"},
	{rule: auditLog, kinds: []string{"aws_cloudtrail"}, paths: []string{"is_multi_region_trail"}, good: []any{true}, what: "records every region"},

	{rule: accessBlock, kinds: accessBlocks, paths: []string{"block_public_acls"}, good: []any{true}, what: "refuses public ACLs"},
	{rule: accessBlock, kinds: accessBlocks, paths: []string{"block_public_policy"}, good: []any{true}, what: "refuses public policies"},
	{rule: accessBlock, kinds: accessBlocks, paths: []string{"ignore_public_acls"}, good: []any{true}, what: "ignores public ACLs"},
	{rule: accessBlock, kinds: accessBlocks, paths: []string{"restrict_public_buckets"}, good: []any{true}, what: "restricts access to a public bucket"},
	{rule: publicBucket, kinds: []string{"azurerm_storage_account"}, paths: []string{"allow_nested_items_to_be_public", "allow_blob_public_access"}, good: []any{false}, what: "keeps its containers private"},
	{rule: publicBucket, kinds: []string{"google_storage_bucket"}, paths: []string{"public_access_prevention"}, good: []any{"enforced"}, what: "refuses public access"},
	{rule: publicDatabase, kinds: []string{"google_sql_database_instance"}, paths: []string{"settings.ip_configuration.ipv4_enabled"}, good: []any{false}, what: closed},
	{
		rule: clusterEndpoint, kinds: []string{"aws_eks_cluster"}, paths: []string{"vpc_config.endpoint_public_access", "vpc_config.public_access_cidrs"},
		good: []any{false}, what: reachable,
	},
	{
		rule: clusterEndpoint, kinds: []string{"google_container_cluster"},
		paths: []string{"master_authorized_networks_config.", "private_cluster_config.enable_private_endpoint", "control_plane_endpoints_config."}, good: []any{true}, what: reachable,
	},
	{
		rule: clusterEndpoint, kinds: []string{"azurerm_kubernetes_cluster"}, paths: []string{"api_server_access_profile.authorized_ip_ranges", "api_server_authorized_ip_ranges"}, what: reachable,
	},

	{rule: removed, kinds: vaults, paths: []string{"public_network_access_enabled"}, good: []any{false}, what: closed},
	{rule: removed, kinds: []string{"azurerm_kubernetes_cluster"}, paths: []string{"private_cluster_enabled"}, good: []any{true}, what: closed},
	{rule: removed, kinds: []string{"google_container_cluster"}, paths: []string{"private_cluster_config.enable_private_nodes"}, good: []any{true}, what: "keeps its machines off the internet"},
	{rule: removed, kinds: []string{"google_cloud_run_v2_service"}, paths: []string{"ingress"}, good: []any{"INGRESS_TRAFFIC_INTERNAL_ONLY", "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"}, what: closed},
	{rule: removed, kinds: []string{"google_cloudfunctions_function"}, paths: []string{"ingress_settings"}, good: []any{"ALLOW_INTERNAL_ONLY", "ALLOW_INTERNAL_AND_GCLB"}, what: closed},
	{rule: removed, kinds: []string{"azurerm_key_vault"}, paths: []string{"network_acls."}, what: "restricts the networks that can reach it"},

	{rule: removed, kinds: []string{"aws_db_instance", "aws_rds_cluster", "aws_neptune_cluster"}, paths: []string{"iam_database_authentication_enabled"}, good: []any{true}, what: "uses IAM for sign-in"},
	{rule: removed, kinds: []string{"aws_elasticache_replication_group"}, paths: []string{"auth_token", "user_group_ids"}, what: "requires a password"},
	{rule: removed, kinds: []string{"google_redis_instance"}, paths: []string{"auth_enabled"}, good: []any{true}, what: "requires a password"},
	{rule: removed, kinds: []string{"aws_cognito_user_pool"}, paths: []string{"mfa_configuration"}, good: []any{"ON", "OPTIONAL"}, what: "offers a second factor"},
	{rule: removed, kinds: []string{"azurerm_storage_account"}, paths: []string{"shared_access_key_enabled"}, good: []any{false}, what: identities},
	{rule: removed, kinds: []string{"azurerm_cosmosdb_account"}, paths: []string{"local_authentication_disabled"}, good: []any{true}, what: identities},
	{rule: removed, kinds: []string{"azurerm_servicebus_namespace", "azurerm_cognitive_account"}, paths: []string{"local_auth_enabled"}, good: []any{false}, what: identities},
	{rule: removed, kinds: []string{"azurerm_kubernetes_cluster"}, paths: []string{"local_account_disabled"}, good: []any{true}, what: identities},
	{rule: removed, kinds: []string{"azurerm_mssql_server"}, paths: []string{"azuread_administrator.azuread_authentication_only"}, good: []any{true}, what: identities},
	{rule: removed, kinds: []string{"google_storage_bucket"}, paths: []string{"uniform_bucket_level_access"}, good: []any{true}, what: "leaves its access to IAM alone"},
	{rule: removed, kinds: []string{"google_container_cluster"}, paths: []string{"workload_identity_config."}, what: "gives each workload an identity of its own"},
	{rule: removed, kinds: []string{"google_container_cluster"}, paths: []string{"network_policy.enabled"}, good: []any{true}, what: "enforces network policies"},
	{rule: removed, kinds: googleMachines, paths: []string{"shielded_instance_config.enable_secure_boot"}, good: []any{true}, what: "verifies what it boots"},
	{rule: removed, kinds: []string{"aws_ecr_repository"}, paths: []string{"image_tag_mutability"}, good: []any{"IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION"}, what: "prevents changes of its tags"},
	{rule: removed, kinds: []string{"aws_cloudfront_distribution"}, paths: []string{"web_acl_id"}, what: "has a web application firewall"},

	{rule: removedLow, kinds: slices.Concat([]string{"aws_db_instance"}, clusters), paths: []string{"deletion_protection"}, good: []any{true}, what: undeletable},
	{rule: removedLow, kinds: []string{"aws_lb", "aws_alb"}, paths: []string{"enable_deletion_protection"}, good: []any{true}, what: undeletable},
	{rule: removedLow, kinds: []string{"aws_dynamodb_table"}, paths: []string{"deletion_protection_enabled"}, good: []any{true}, what: undeletable},
	{rule: removedLow, kinds: []string{"aws_cognito_user_pool"}, paths: []string{"deletion_protection"}, good: []any{"ACTIVE"}, what: undeletable},
	{rule: removedLow, kinds: []string{"google_sql_database_instance"}, paths: []string{"settings.deletion_protection_enabled"}, good: []any{true}, what: undeletable},
	{rule: removedLow, kinds: []string{"azurerm_key_vault"}, paths: []string{"purge_protection_enabled"}, good: []any{true}, what: undeletable},
	{rule: removedLow, kinds: []string{"aws_lb", "aws_alb", "aws_elb"}, paths: []string{"access_logs."}, what: keepsLog},
	{rule: removedLow, kinds: []string{"aws_api_gateway_stage", "aws_apigatewayv2_stage"}, paths: []string{"access_log_settings."}, what: keepsLog},
	{rule: removedLow, kinds: []string{"aws_eks_cluster"}, paths: []string{"enabled_cluster_log_types"}, what: keepsLog},
	{rule: removedLow, kinds: slices.Concat([]string{"aws_db_instance"}, clusters), paths: []string{"enabled_cloudwatch_logs_exports"}, what: keepsLog},
	{rule: removedLow, kinds: []string{"google_compute_subnetwork"}, paths: []string{"log_config."}, what: keepsLog},
	{rule: removedLow, kinds: []string{"google_storage_bucket"}, paths: []string{"logging."}, what: keepsLog},
	{rule: removedLow, kinds: []string{"google_storage_bucket"}, paths: []string{"versioning.enabled"}, good: []any{true}, what: "keeps the versions of its objects"},
	{rule: removedLow, kinds: []string{"aws_lb", "aws_alb"}, paths: []string{"drop_invalid_header_fields"}, good: []any{true}, what: "drops invalid header fields"},
}

var accessBlocks = []string{"aws_s3_bucket_public_access_block", "aws_s3_account_public_access_block"}

var bucket = []string{"aws_s3_bucket"}

// companions are resources without which another one is not protected.
var companions = []companion{
	{
		rule: accessBlock, kind: "aws_s3_bucket_public_access_block", owners: bucket, refers: "bucket", setting: "public access block",
		guards: []guard{{paths: []string{"block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"}, good: []any{true}}},
		what:   "has a public access block",
	},
	{
		rule: removedLow, kind: "aws_s3_bucket_versioning", owners: bucket, refers: "bucket", setting: "versioning",
		guards: []guard{
			{paths: []string{"versioning_configuration.status"}, good: []any{"Enabled"}},
			{paths: []string{"versioning.enabled"}, good: []any{true}},
		},
		what: "keeps the versions of its objects",
	},
	{
		rule: removedLow, kind: "aws_s3_bucket_logging", owners: bucket, refers: "bucket", setting: "logging",
		guards: []guard{{paths: []string{"target_bucket"}}, {paths: []string{"logging."}}}, what: keepsLog,
	},
	{
		// Without it, S3 encrypts with a key of its own. To choose that key is a decision, and to delete the line is none.
		rule: removedLow, kind: "aws_s3_bucket_server_side_encryption_configuration", owners: bucket, refers: "bucket", setting: "encryption with KMS",
		guards: []guard{
			{paths: []string{"rule.apply_server_side_encryption_by_default.sse_algorithm"}, good: []any{"aws:kms", "aws:kms:dsse"}, choice: true},
			{paths: []string{"server_side_encryption_configuration.rule.apply_server_side_encryption_by_default.sse_algorithm"}, good: []any{"aws:kms", "aws:kms:dsse"}, choice: true},
		},
		what: "encrypts its objects with a KMS key",
	},
	{rule: removedLow, kind: "aws_flow_log", owners: []string{"aws_vpc"}, refers: "vpc_id", setting: "flow log", what: "logs its connections"},
	{
		rule: removed, kind: "aws_wafv2_web_acl_association", owners: []string{"aws_lb", "aws_alb", "aws_api_gateway_stage", "aws_cognito_user_pool"}, refers: "resource_arn",
		setting: "web application firewall", what: "has a web application firewall",
	},
	{
		rule: removed, kind: "azurerm_subnet_network_security_group_association", owners: []string{"azurerm_subnet"}, refers: "subnet_id",
		setting: "network security group", what: "has a network security group",
	},
	{
		rule: removed, kind: "azurerm_network_interface_security_group_association", owners: []string{"azurerm_network_interface"}, refers: "network_interface_id",
		setting: "network security group", what: "has a network security group",
	},
	{
		rule: removed, kind: "azurerm_storage_account_network_rules", owners: []string{"azurerm_storage_account"}, refers: "storage_account_id", setting: "network rules",
		guards: []guard{{paths: []string{"default_action"}, good: []any{"Deny"}}, {paths: []string{"network_rules.default_action"}, good: []any{"Deny"}}},
		what:   "restricts the networks that can reach it",
	},
	{
		rule: removedLow, kind: "azurerm_mssql_server_extended_auditing_policy", owners: []string{"azurerm_mssql_server"}, refers: "server_id", setting: "auditing",
		what: keepsLog,
	},
}
